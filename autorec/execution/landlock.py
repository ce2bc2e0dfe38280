"""The tier for containers that grant no namespaces: Landlock, a filter of system calls, limits, and a keeper.

The machine's files, processes and sockets are in sight there. Landlock shows a job its data, the interpreter and its
packages, and nothing else; the filter refuses what Landlock does not mediate. Names, sizes and times of files can be
asked for (stat), their contents cannot be read. What is written is looked at from outside (`disk`), not bounded.
"""

import ctypes
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path

from autorec.domain.errors import IsolationError
from autorec.execution.filters import require_filter
from autorec.execution.ground import Ground
from autorec.execution.hold import Swept
from autorec.execution.mounts import Interpreter, keeper_command, ours, runner_arguments
from autorec.execution.process import Sandbox
from autorec.execution.uids import free_uid, require_open
from autorec.marks import mark_of
from autorec.scratch import drop_scratch, make_scratch

TRUNCATION_VERSION, SIGNALS_VERSION = 3, 6
LINUX = {TRUNCATION_VERSION: "6.2", SIGNALS_VERSION: "6.12"}
_SYS_LANDLOCK_CREATE_RULESET, _VERSION = 444, 1  # the same number on every architecture


class Landlock:
    """Implements `ground.Tier`. As root, each sandbox runs under a uid of its own (64000 and on), never kernel uid 0;
    the keeper stays root, out of its reach. As an ordinary user, Landlock alone keeps sandboxes and keepers apart.
    """

    name = "landlock"

    def __init__(self, interpreter: Interpreter | None = None) -> None:
        """Raises IsolationError where the kernel cannot do it, or root's programs are out of others' reach."""
        self._interpreter = interpreter or Interpreter.current()
        self._as_root = os.getuid() == 0
        require_filter("unwalled")
        require_version(landlock_version(), as_root=self._as_root)
        if self._as_root and shutil.which("setpriv") is None:
            raise IsolationError("there is no setpriv on PATH, with which root gives itself up",
                                 fix="sudo apt-get install util-linux")  # fmt: skip

    def start(self, ground: Ground) -> Sandbox:
        """See `ground.Tier`. The job's folder is one of the machine's, removed afterwards. Raises IsolationError."""
        if self._as_root:
            python = (self._interpreter.executable, *self._interpreter.site, ours())
            require_open((*python, ground.data_dir, ground.query_dir, Path(tempfile.gettempdir())))
        folder, lock = make_scratch()
        runner = runner_arguments(
            self.name, self._interpreter, ground, job=folder, data=ground.data_dir, query=ground.query_dir
        )
        if self._as_root:
            uid = free_uid()
            os.chown(folder, uid, uid)
            runner = [*_drop_to(uid), *runner]
        mark = mark_of(folder)
        return Sandbox(
            keeper_command(self._interpreter, mark, runner),
            partial(Swept, mark),
            partial(drop_scratch, folder, lock),
            folder=folder,
        )


def _drop_to(uid: int) -> list[str]:
    dropped = ("--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")
    return [str(shutil.which("setpriv")), f"--reuid={uid}", f"--regid={uid}", *dropped]


def landlock_version() -> int:
    """The kernel's Landlock interface, 0 where there is none or it is switched off."""
    found = ctypes.CDLL(None).syscall(
        ctypes.c_long(_SYS_LANDLOCK_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION)
    )
    return max(0, int(found))


def require_version(version: int, *, as_root: bool) -> None:
    """Raises IsolationError where this Landlock lets through what a tier of its own must stop.

    Before version 3 files can be emptied by truncate. Before 6 signals reach every process of the same user; a uid of
    its own stops them too, but only root can give one.
    """
    needed = TRUNCATION_VERSION if as_root else SIGNALS_VERSION
    if version >= needed:
        return
    gap = "does not stop truncate" if version < TRUNCATION_VERSION else "does not stop signals to your other processes"
    have = f"this kernel's Landlock (version {version}) {gap}" if version else "this kernel has no Landlock"
    otherwise = "" if as_root or version < TRUNCATION_VERSION else ", or run as root, which gives each job its own uid"
    raise IsolationError(
        f"{have}; the landlock tier needs version {needed}",
        fix=f"run Linux {LINUX[needed]} or later with landlock in its lsm= list{otherwise}; or use the bwrap tier",
    )
