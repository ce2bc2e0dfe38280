"""Temporary folders that do not outlive their owner for long: what a killed process left is removed by the next one.

The owner holds a lock on a file beside its folder; the kernel gives it back when the owner is gone, however it went.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, LOCK = "autorec-scratch-", ".lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder, removed at the end with all that it holds. Raises OSError where none can be made."""
    remove_abandoned()
    folder, lock = make_scratch()
    try:
        yield folder
    finally:
        drop_scratch(folder, lock)


def make_scratch() -> tuple[Path, int]:
    """An empty folder, and the lock that is to be held for as long as it is used: a descriptor."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    fresh = Path(f"{folder}.new")
    lock = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    fresh.rename(f"{folder}{LOCK}")  # under that name it is never seen without its lock
    return folder, lock


def drop_scratch(folder: Path, lock: int) -> None:
    """Remove the folder, then give up the lock."""
    shutil.rmtree(folder, ignore_errors=True)
    Path(f"{folder}{LOCK}").unlink(missing_ok=True)
    os.close(lock)


def remove_abandoned() -> None:
    """Remove the scratch folders of this user whose owner is gone."""
    for lock_file in Path(tempfile.gettempdir()).glob(f"{PREFIX}*{LOCK}"):
        with suppress(OSError):
            if lock_file.lstat().st_uid == os.getuid():
                _remove_if_free(lock_file)


def _remove_if_free(lock_file: Path) -> None:
    lock = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(lock_file.with_name(lock_file.name.removesuffix(LOCK)), ignore_errors=True)
        lock_file.unlink(missing_ok=True)
    finally:
        os.close(lock)
