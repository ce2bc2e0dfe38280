"""Reading a folder that a stranger may have made: plain files beneath it, of a size that is sane, through no link."""

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from errno import EFBIG, EINVAL
from pathlib import Path

from autorec.domain.errors import ReplayError
from autorec.domain.job import MEBIBYTE

MOST_BYTES = 256 * MEBIBYTE
"""No file of a recording is as long."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def read_beneath(folder: Path, name: str) -> bytes:
    """The content of `folder`/`name`, whose parts are followed through no link, and never upwards.

    Raises OSError, also where it is no plain file or is too long.
    """
    *parents, last = name.split("/")
    if not {"", ".", ".."}.isdisjoint((*parents, last)):
        raise OSError(EINVAL, "it leads out of the folder")
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parents:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(part, flags, dir_fd=directory)
            os.close(directory)
            directory = inner
        descriptor = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        return _read_plain(descriptor)
    finally:
        os.close(descriptor)


def _read_plain(descriptor: int) -> bytes:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(EINVAL, "it is no plain file")
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(EFBIG, f"it has more than {MOST_BYTES // MEBIBYTE} MiB")
    return content


@dataclass(frozen=True, slots=True)
class RecordedObjects:
    """`ports.Objects`, to read only, in the folder of a recording: `objects/ab/cdef...`."""

    folder: Path

    def put(self, content: bytes) -> str:
        """Nothing is written into a recording that is played. Raises ReplayError."""
        raise ReplayError(f"{self.folder} is a recording, and is not written to")

    def get(self, digest: str) -> bytes:
        """The content. Raises ReplayError when it is missing, is another than its name says, or is no plain file."""
        if not _DIGEST.fullmatch(digest):
            raise ReplayError(f"{digest!r} names no object; expected 64 hexadecimal digits", fix="extract it again")
        try:
            content = read_beneath(self.folder, f"objects/{digest[:2]}/{digest[2:]}")
        except OSError as error:
            raise ReplayError(
                f"{self.folder}: object {digest} cannot be read: {error.strerror}", fix="extract the recording again"
            ) from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise ReplayError(
                f"{self.folder}: object {digest} is damaged: its content has another sha256",
                fix="extract the recording again",
            )
        return content
