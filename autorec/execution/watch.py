"""Watches a process tree from outside: memory, CPU time, the wall clock. What it reads is the kernel's word only."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from autorec.domain.job import Limits
from autorec.execution.cgroup import Group
from autorec.execution.disk import DiskLook
from autorec.execution.ending import Cause

INTERVAL_S = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
KIBIBYTE = 1 << 10


class TreeWatch(threading.Thread):
    """Samples a tree every 50 ms, from a thread of its own, until `end` is called, and kills it beyond a limit.

    `memory_bytes` is the peak of the whole tree: resident memory of a lone process, proportional shares (PSS)
    where there are several, so that pages shared after a fork count once. Files in the job's tmpfs do not count;
    they have a limit of their own, or are looked at with `disk`. Where the tree is in a `group` of its own, the kernel
    counts CPU time, and says whether it killed for memory what grew between two looks.
    """

    def __init__(
        self,
        root: int,
        limits: Limits,
        *,
        kill: Callable[[Cause], None],
        group: Group | None = None,
        disk: DiskLook | None = None,
    ) -> None:
        super().__init__(name=f"watch-{root}", daemon=True)
        self._root = root
        self._memory_limit = limits.memory_bytes
        self._cpu_limit_s = limits.most_cpu_s
        self._deadline = time.monotonic() + limits.wall_s
        self._kill = kill
        self._group = group
        self._disk = disk
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._ticks = 0
        self.memory_bytes = 0
        self.sample()
        self._ticks_before = self._ticks

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the tree since the watch was made, processes that have ended included."""
        if self._group is not None:
            return self._group.cpu_s
        return (self._ticks - self._ticks_before) / TICKS_PER_S

    def run(self) -> None:
        """A tree that cannot be watched is killed; what went wrong is raised by `end`."""
        try:
            self._watch()
        except BaseException as error:  # carried to the thread that ends the watch
            self._error = error
            self._kill(Cause.CLOSED)

    def _watch(self) -> None:
        while not self._over.wait(INTERVAL_S):
            self.sample()
            if self.memory_bytes > self._memory_limit or (self._group is not None and self._group.out_of_memory):
                self._kill(Cause.MEMORY)
            if self.cpu_s > self._cpu_limit_s:
                self._kill(Cause.CPU)
            if time.monotonic() > self._deadline:
                self._kill(Cause.WALL)
            if self._disk is not None and self._disk.finds_too_much(tree(self._root)):
                self._kill(Cause.DISK)

    def end(self) -> None:
        """Stop watching; returns when the thread is gone."""
        self._over.set()
        self.join()
        if self._error is not None:
            raise self._error

    def sample(self) -> None:
        """Look once; also called at each checkpoint, so that a job shorter than the interval is seen too."""
        pids = tuple(tree(self._root))
        self._ticks = max(self._ticks, sum(map(cpu_ticks, pids)))
        self.memory_bytes = max(self.memory_bytes, memory_of(pids))


def tree(root: int) -> Iterator[int]:
    """The process and its descendants. An orphan inside a PID namespace stays a descendant of its first process."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting.extend(children(pid))


def children(pid: int) -> list[int]:
    """Direct children, of all threads of the process; empty when it is gone."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        return found
    return found


def cpu_ticks(pid: int) -> int:
    """Clock ticks that a process and its waited-for children have used; 0 when it is gone.

    The line holds the name that a process gave itself, which may be any bytes.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


def memory_of(pids: tuple[int, ...]) -> int:
    """Bytes that the processes hold together."""
    resident = {pid: size for pid in pids if (size := resident_bytes(pid)) > 0}
    large = [pid for pid, size in resident.items() if size > KIBIBYTE * KIBIBYTE * 16]
    if len(large) <= 1:
        return sum(resident.values())
    return sum(proportional_bytes(pid) if pid in large else size for pid, size in resident.items())


def resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def proportional_bytes(pid: int) -> int:
    """The process's PSS; its resident size where the kernel does not tell."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return resident_bytes(pid)
    sizes = [int(line.split()[1]) * KIBIBYTE for line in lines if line.startswith("Pss:")]
    return sizes[0] if sizes else 0
