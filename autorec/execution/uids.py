"""Uids that root gives itself up for: one a sandbox, so that no two share files, signals or the count of processes."""

import secrets
from collections.abc import Iterator
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


def owners() -> Iterator[int]:
    """The uid of every process."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield process.stat().st_uid
