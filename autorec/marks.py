"""What tells the processes of a sandbox from all others where no namespace holds them, wherever they went.

A mark is a number, and a process bears it as its hard limit on file locks: Linux counts no locks against it since 2.4,
every child inherits it, a change of session, parent or program does not touch it, nobody without rights may raise it,
and the filter of the landlock tier keeps its owner from changing it at all. /proc shows it to everybody, also of
processes that hide the rest. The mark follows from the folder in which they work, so that it is known for as long as
there is anything to remove.
"""

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SHOWN = b"\nMax file locks "
MARK_BYTES = 7
LOWEST = 1 << 8 * MARK_BYTES
"""No limit that anybody sets by hand is so high."""
LOOK_AGAIN_S = 0.01


def mark_of(folder: Path) -> int:
    """The mark of the processes that work in a scratch folder."""
    return LOWEST + int.from_bytes(hashlib.sha256(folder.name.encode()).digest()[:MARK_BYTES])


def marked(mark: int) -> Iterator[int]:
    """The pids of all processes that bear it, but those that only wait to be reaped."""
    shown = str(mark).encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "limits").read_bytes().partition(SHOWN)[2].split()[1:2] == [shown]:
                pid = int(process.name)
                if is_alive(pid):
                    yield pid


def kill_marked(mark: int, within_s: float) -> None:
    """Kill until a look finds none. Raises TimeoutError where one is left."""
    deadline = time.monotonic() + within_s
    while found := kill_each(marked(mark)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {found} were still there {within_s:g} s after their kill")
        time.sleep(LOOK_AGAIN_S)


def kill_each(pids: Iterator[int]) -> list[int]:
    """Kill each as it is found; returns them."""
    found = []
    for pid in pids:
        found.append(pid)
        with suppress(ProcessLookupError, PermissionError):  # gone, or it became somebody whom only root may kill
            os.kill(pid, signal.SIGKILL)
    return found


def is_alive(pid: int) -> bool:
    """Whether the process is there and not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (OSError, IndexError):
        return False
