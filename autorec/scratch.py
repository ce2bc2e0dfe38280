"""Temporary folders that do not outlive their owner for long: what a killed process left is removed by the next one,
and so are the processes that were to work in them.

The owner holds a lock on a file beside its folder; the kernel gives it back when the owner is gone, however it went.
"""

import fcntl
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autorec.marks import kill_marked, mark_of

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
PREFIX, LOCK, NEW = "autorec-scratch-", ".lock", ".new"
GONE_WITHIN_S = 10.0
UNBORN_S = 60.0
"""A lock that is so old and not yet under its name has lost its owner."""


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
    folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    fresh = Path(f"{folder}{NEW}")
    lock = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    fresh.rename(f"{folder}{LOCK}")  # under that name it is never seen without its lock
    return folder, lock


def drop_scratch(folder: Path, lock: int) -> None:
    """Remove the folder, whatever it holds, then give up the lock. What cannot be removed is left to the next."""
    try:
        _clear(folder)
    except OSError:
        return
    finally:
        os.close(lock)


def remove_abandoned() -> None:
    """Remove the scratch folders of this user whose owner is gone, and kill whoever still works in one."""
    for suffix, least_age_s in ((LOCK, 0.0), (NEW, UNBORN_S)):
        for lock_file in Path(tempfile.gettempdir()).glob(f"{PREFIX}*{suffix}"):
            with suppress(OSError):
                status = lock_file.lstat()
                if status.st_uid == os.getuid() and time.time() - status.st_mtime >= least_age_s:
                    _remove_if_free(lock_file)


def _remove_if_free(lock_file: Path) -> None:
    lock = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder = lock_file.with_suffix("")
        kill_marked(mark_of(folder), GONE_WITHIN_S)
        _clear(folder)
    finally:
        os.close(lock)


def _clear(folder: Path) -> None:
    if folder.is_dir():
        remove(folder)
    for suffix in (LOCK, NEW):
        Path(f"{folder}{suffix}").unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove a folder that no process writes to any more, whatever it holds.

    However deep it is nested: folders inside are moved up before they are emptied, so that no path grows long.
    """
    top = os.open(folder, FOLDER)
    try:
        emptied = False
        while not emptied:
            emptied = True
            for name in _names(top):
                if _is_folder(name, top):
                    emptied = False
                    _empty(name, top)
                else:
                    os.unlink(name, dir_fd=top)
    finally:
        os.close(top)
    folder.rmdir()


def _empty(name: str, top: int) -> None:
    """Unlink what the folder `name` holds, move the folders in it up, remove it."""
    _open_up(name, top)
    descriptor = os.open(name, FOLDER, dir_fd=top)
    try:
        for inside in _names(descriptor):
            if _is_folder(inside, descriptor):
                _open_up(inside, descriptor)
                os.rename(inside, secrets.token_hex(8), src_dir_fd=descriptor, dst_dir_fd=top)
            else:
                os.unlink(inside, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    os.rmdir(name, dir_fd=top)


def _open_up(name: str, directory: int) -> None:
    """Give ourselves all rights to the folder, and to nothing that a link in its place leads to."""
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        Path(f"/proc/self/fd/{handle}").chmod(stat.S_IRWXU)
    finally:
        os.close(handle)


def _names(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries]


def _is_folder(name: str, directory: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
