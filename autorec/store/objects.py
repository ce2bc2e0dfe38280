"""Content-addressed bytes on disk: `objects/ab/cdef...`, each file named by the sha256 of its content.

An object is written to a temporary name in the same folder, synced, and renamed: a reader sees all of it or nothing,
and what `put` has returned survives a power cut. Objects never change, so readers and writers need no lock;
only weights are ever removed.
"""

import contextlib
import errno
import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autorec.domain.errors import StoreError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = "tmp-"


@dataclass(frozen=True, slots=True)
class ObjectFolder:
    """Implements `ports.Objects` in the folder `path`, which is made when the first object comes."""

    path: Path

    def put(self, content: bytes) -> str:
        """Keep the content and return its sha256 (hex). Raises StoreError."""
        digest = hashlib.sha256(content).hexdigest()
        target = self._place(digest)
        try:
            if not _holds(target, content):
                _make_folder(target.parent)
                _write(target, content)
        except OSError as error:
            raise StoreError(
                f"cannot write an object of {len(content)} bytes to {self.path}: {error.strerror}", fix=_fix(error)
            ) from error
        return digest

    def get(self, digest: str) -> bytes:
        """The content. Raises StoreError when it is missing or damaged."""
        if not _DIGEST.fullmatch(digest):
            raise StoreError(f"{digest!r} names no object; expected 64 hexadecimal digits")
        try:
            content = self._place(digest).read_bytes()
        except OSError as error:
            raise StoreError(
                f"object {digest} cannot be read from {self.path}: {error.strerror}",
                fix="restore the folder from a copy; `autorec resume` makes again only what no event records",
            ) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise StoreError(
                f"object {digest} in {self.path} is damaged: its content has another sha256",
                fix="restore the file from a copy, and check the disk",
            )
        return content

    def holds(self, digest: str) -> bool:
        """Whether an object of that name is there, sound or not."""
        return bool(_DIGEST.fullmatch(digest)) and self._place(digest).is_file()

    def remove(self, digest: str) -> None:
        """Forget the content, if it is there. Raises StoreError."""
        if not self.holds(digest):
            return
        try:
            self._place(digest).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"object {digest} cannot be removed from {self.path}: {error.strerror}", fix=_fix(error)
            ) from error

    def sweep(self) -> int:
        """Remove what writers that died left half-written; returns how many files. Only while nobody else writes."""
        left = list(self.path.glob(f"*/{_TEMPORARY}*"))
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _place(self, digest: str) -> Path:
        return self.path / digest[:2] / digest[2:]


def _holds(target: Path, content: bytes) -> bool:
    """Whether the object is there already; one that is damaged is written again."""
    try:
        return target.stat().st_size == len(content) and target.read_bytes() == content
    except FileNotFoundError:
        return False


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)


def _write(target: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fix(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space, then go on with `autorec resume`; nothing that was recorded is lost"
    return "check that the folder is still there and may be written to, then go on with `autorec resume`"
