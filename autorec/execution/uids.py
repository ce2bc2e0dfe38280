"""Uids that root gives itself up for: one a sandbox, so that no two share files, signals or the count of processes.

They own nothing, so what a job needs must be open to all.
"""

import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from autorec.domain.errors import IsolationError

FIRST_UID, UIDS = 64_000, 1_400


def free_uid() -> int:
    """One of them under which nothing runs. Raises IsolationError when all are taken."""
    taken = set(owners())
    start = secrets.randbelow(UIDS)
    for place in range(UIDS):
        uid = FIRST_UID + (start + place) % UIDS
        if uid not in taken:
            return uid
    raise IsolationError(f"processes run under every uid from {FIRST_UID} to {FIRST_UID + UIDS - 1}",
                         fix="end those that are left of earlier runs")  # fmt: skip


def require_open(paths: Iterable[Path], *, mounted: bool = False) -> None:
    """A uid that owns nothing must be able to read what a job needs, and, where that is not mounted, to get there.

    Raises IsolationError with what to open.
    """
    for path in paths:
        for folder in () if mounted else reversed(path.parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                raise IsolationError(
                    f"jobs run as a uid of their own, who cannot get to {path}: {folder} is closed",
                    fix=f"chmod o+x {folder} (others may pass through it then, not list it), or use the bwrap tier",
                )
        needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
        if path.stat().st_mode & needed != needed:
            raise IsolationError(f"jobs run as a uid of their own, who may not read {path}",
                                 fix=f"chmod -R a+rX {path}")  # fmt: skip


def owners() -> Iterator[int]:
    """The uid of every process."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield process.stat().st_uid
