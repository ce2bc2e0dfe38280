"""What a runner does of its own to be kept in, which depends on what was built around it.

A container and bubblewrap hide the machine: there the runner bounds its files and gives up what it can. In the landlock
tier the machine is in sight, so Landlock and the filter of system calls are all that keeps them apart.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lockdown

HERE = Path(__file__).resolve().parent
UNSEEN = 1 << 20
"""More processes than anybody runs."""
SHARED_MEMORY = "/dev/shm"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc", "/sys", "/proc", "/dev")
PROGRAMS = ("bin", "lib", "lib32", "lib64")
SHOWN = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/sys/devices/system/cpu",
    "/proc/self/maps",
    "/proc/self/status",
    "/proc/cpuinfo",
    "/proc/meminfo",
)
"""What is shown of a machine in full sight, beside the programs and libraries in /, /usr and the interpreter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """`mounts`: it mounts its own tmpfs. `filter`: the kind of filter, and with it all else that can be given up.

    `in_sight`: the machine's files and processes are. `shares_uid`: others run under it too, unseen, so that
    whoever built the walls has to limit the number of processes.
    """

    mounts: bool = False
    filter: str | None
    in_sight: bool = False
    shares_uid: bool = False

    def step_back(self, arguments: argparse.Namespace) -> None:
        """What can be given up before torch is imported."""
        if self.mounts:
            _bound_files(arguments)
        if self.in_sight:
            lockdown.die_with_parent()
        if self.filter:
            lockdown.drop_capabilities()

    def lock_down(self, job: Mapping[str, Any], arguments: argparse.Namespace) -> None:
        """Limits, files, system calls: right before the candidate. Raises OSError where the kernel refuses."""
        if not self.filter:
            return
        others = UNSEEN if self.shares_uid else lockdown.threads_of_user() if self.in_sight else 0
        lockdown.set_rlimits(job["rlimits"], processes_of_others=others)
        visible = _in_sight(arguments) if self.in_sight else _behind_walls(arguments)
        if not lockdown.restrict_files(**visible, devices=DEVICES) and self.in_sight:
            sys.exit("this kernel has no Landlock")
        lockdown.restrict_calls(self.filter)


WALLS = {
    "container": Walls(mounts=True, filter="walled"),
    "container-as-user": Walls(mounts=True, filter="walled", shares_uid=True),
    "bwrap": Walls(mounts=True, filter="walled"),
    "landlock": Walls(filter="unwalled", in_sight=True),
    "none": Walls(filter=None),
}


def _bound_files(arguments: argparse.Namespace) -> None:
    """A tmpfs of our own, for bubblewrap's has no limit on files; where that is forbidden, bubblewrap's stays."""
    try:
        lockdown.own_mounts()
        for folder in (str(arguments.job), SHARED_MEMORY):
            lockdown.mount_tmpfs(folder, size_bytes=arguments.disk_bytes, inodes=arguments.inodes)
    except OSError as error:
        print(f"no limit on the number of files: {error}", file=sys.stderr)


def _behind_walls(arguments: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """All that was mounted."""
    given = (str(HERE), str(arguments.data), str(arguments.query), *arguments.site)
    return {"readable": (*given, *SYSTEM, sys.base_prefix), "writable": (str(arguments.job), SHARED_MEMORY)}


def _in_sight(arguments: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Of a whole machine: programs, libraries and packages, but not the trusted side's."""
    given = (str(HERE), str(arguments.data), str(arguments.query), *SHOWN)
    programs = [str(Path(root, name)) for root in ("/", "/usr", sys.base_prefix) for name in PROGRAMS]
    packages = [str(package) for folder in arguments.site for package in Path(folder).iterdir()
                if package.name != "autorec"]  # fmt: skip
    return {
        "readable": (*given, *programs, *packages),
        "writable": (str(arguments.job),),
        "listable": tuple(arguments.site),
    }
