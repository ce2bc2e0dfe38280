"""Limits on a whole tree by the kernel: cgroup v2, where a part of the hierarchy is ours to divide.

Such a part comes from `systemd-run --user --scope -p Delegate=yes autorec search ...`, or from a container with a
cgroup namespace of its own that is mounted writable. Elsewhere the watch and the limits of each process do without.
"""

import os
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CONTROLLERS = ("memory", "pids")
HOW_TO_DELEGATE = "systemd-run --user --scope -p Delegate=yes autorec search ..."
US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The cgroup of one sandbox."""

    folder: Path

    def take_in(self, pids: Iterable[int]) -> None:
        """Move processes in; what they start later is born inside."""
        for pid in pids:
            with suppress(ProcessLookupError):
                _write(self.folder / "cgroup.procs", pid)

    def kill(self) -> None:
        """SIGKILL for every process inside, also while they fork."""
        with suppress(OSError):  # Linux 5.14; the sandbox is killed in other ways too
            _write(self.folder / "cgroup.kill", 1)

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all that ever ran inside since it was taken in."""
        return _fields(self.folder / "cpu.stat").get("usage_usec", 0) / US_PER_S

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed something inside for its memory."""
        return _fields(self.folder / "memory.events").get("oom_kill", 0) > 0

    def remove(self) -> None:
        """Remove the group; every process inside must be gone."""
        with suppress(FileNotFoundError):
            self.folder.rmdir()


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """A delegated part of the hierarchy: this process sits in a leaf of it, sandboxes in leaves beside."""

    base: Path
    leaf: Path
    controllers: tuple[str, ...]

    @classmethod
    def open(cls, base: Path, controllers: tuple[str, ...] = CONTROLLERS) -> "Groups":
        """Move this process into a leaf of `base`, its own group, and give leaves the controllers.

        Raises OSError, with everything as it was, where the group is not ours or holds other processes.
        """
        leaf = base / f"autorec-driver-{os.getpid()}"
        leaf.mkdir()
        made = cls(base=base, leaf=leaf, controllers=controllers)
        try:
            _write(leaf / "cgroup.procs", os.getpid())
            made._enable("+")
        except OSError:
            made.close()
            raise
        return made

    def around(self, pids: Iterable[int], *, memory_bytes: int, processes: int) -> Group:
        """A group with limits, around a sandbox that is ready. Swap is not a way around the limit. Raises OSError."""
        group = Group(folder=self.base / f"autorec-{uuid.uuid4().hex}")
        group.folder.mkdir()
        if "memory" in self.controllers:
            _write(group.folder / "memory.max", memory_bytes)
            with suppress(OSError):  # there is none where the kernel does not swap
                _write(group.folder / "memory.swap.max", 0)
        if "pids" in self.controllers:
            _write(group.folder / "pids.max", processes)
        group.take_in(pids)
        return group

    def close(self) -> None:
        """Put everything back as far as the kernel allows. Idempotent."""
        with suppress(OSError):
            self._enable("-")
        with suppress(OSError):
            _write(self.base / "cgroup.procs", os.getpid())
            self.leaf.rmdir()

    def _enable(self, sign: str) -> None:
        if self.controllers:
            _write(self.base / "cgroup.subtree_control", " ".join(sign + name for name in self.controllers))


def open_groups() -> Groups | None:
    """What is delegated to this process, None where nothing is."""
    base = own_group()
    if base is None or missing_controllers(base):
        return None
    try:
        return Groups.open(base)
    except OSError:
        return None


def own_group() -> Path | None:
    """The folder of this process's cgroup v2; None where there is no such hierarchy."""
    mounts = (line.split() for line in _text(Path("/proc/self/mountinfo")).splitlines())
    mount = next((Path(words[4]) for words in mounts if "cgroup2" in words[words.index("-") :]), None)
    own = next((line[3:] for line in _text(Path("/proc/self/cgroup")).splitlines() if line.startswith("0::")), None)
    return mount / own.lstrip("/") if mount and own else None


def missing_controllers(base: Path) -> tuple[str, ...]:
    """Which of the controllers that limits need the group does not have."""
    return tuple(name for name in CONTROLLERS if name not in _text(base / "cgroup.controllers").split())


def _fields(file: Path) -> dict[str, int]:
    pairs = (line.split() for line in _text(file).splitlines())
    return {words[0]: int(words[1]) for words in pairs if len(words) == 2}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""


def _write(file: Path, value: object) -> None:
    file.write_text(f"{value}\n", encoding="utf-8")
