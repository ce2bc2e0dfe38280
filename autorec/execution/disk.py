"""What a job has written, where nothing bounds it: looked at from outside while it writes.

The folder is one of the machine's and its owner is hostile: links are never followed, paths are never built from its
names, and a folder that is nested too deeply or cannot be looked into counts as too much.
"""

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from autorec.domain.job import Limits

EVERY_S = 0.2
SHARE_OF_TIME = 0.1
DEEPEST = 64
BLOCK_BYTES = 512
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MAPPED = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ (\d+) +(/.*) \(deleted\)$", re.MULTILINE)


class DiskLook:
    """Whether a job's folder holds more than it may; for one thread.

    Deleted files count while a process has them open or mapped. Between two looks 0.2 s go by, more where a look takes
    long: what is written in that time is not bounded.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._next = 0.0

    def finds_too_much(self, pids: Iterable[int]) -> bool:
        """Look, unless it is too early to look again; `pids` are the job's processes."""
        began = time.monotonic()
        if began < self._next:
            return False
        found = self._exceeded(pids)
        ended = time.monotonic()
        self._next = ended + max(EVERY_S, (ended - began) / SHARE_OF_TIME)
        return found

    def _exceeded(self, pids: Iterable[int]) -> bool:
        files: dict[int, int] = {}
        try:
            for inode, size in written(self._folder):
                files[inode] = size
                if len(files) > self._limits.inodes:
                    return True
        except (RecursionError, OSError):
            return True
        for inode, size in deleted(self._folder, pids):
            files.setdefault(inode, size)
        return sum(files.values()) > self._limits.disk_bytes


def written(folder: Path) -> Iterator[tuple[int, int]]:
    """Inode and bytes on disk of all that the folder holds, itself not counted.

    Raises RecursionError where folders are nested too deeply, OSError where one cannot be looked into.
    """
    descriptor = os.open(folder, FOLDER)
    try:
        yield from _beneath(descriptor, DEEPEST)
    finally:
        os.close(descriptor)


def _beneath(descriptor: int, depth: int) -> Iterator[tuple[int, int]]:
    if depth == 0:
        raise RecursionError("folders are nested too deeply")
    with os.scandir(descriptor) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
                inside = os.open(entry.name, FOLDER, dir_fd=descriptor) if stat.S_ISDIR(status.st_mode) else None
            except (FileNotFoundError, NotADirectoryError):
                continue  # it was moved or removed while looked at
            yield status.st_ino, status.st_blocks * BLOCK_BYTES
            if inside is not None:
                try:
                    yield from _beneath(inside, depth - 1)
                finally:
                    os.close(inside)


def deleted(folder: Path, pids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Inode and bytes of files without a name on the folder's file system that the processes have open or mapped."""
    device = folder.stat().st_dev
    for pid in pids:
        try:
            yield from _open_in(Path(f"/proc/{pid}/fd"), device)
            yield from _mapped_in(Path(f"/proc/{pid}/maps").read_bytes(), os.fsencode(folder))
        except OSError:
            continue  # the process is gone


def _open_in(descriptors: Path, device: int) -> Iterator[tuple[int, int]]:
    for name in descriptors.iterdir():
        try:
            status = name.stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 0 and status.st_dev == device:
            yield status.st_ino, status.st_blocks * BLOCK_BYTES


def _mapped_in(maps: bytes, folder: bytes) -> Iterator[tuple[int, int]]:
    for first, last, inode, path in MAPPED.findall(maps):
        if path.startswith(folder + b"/"):
            yield int(inode), int(last, 16) - int(first, 16)
