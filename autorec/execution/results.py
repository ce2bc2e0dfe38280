"""Takes a result file out of a folder that untrusted code writes to.

The folder is a descriptor that was taken before any code of the candidate ran. The file is opened once, through
openat2 (Linux 5.6), which refuses links, magic links, other mounts and anything above the folder; then it must be a
regular file with one name and a capped size; then it is copied once, and only the copy is ever looked at. A file whose
size, times or number of names are others after the copy than before is refused.

Not covered: the kernel tells times in steps of a few milliseconds, so a file that is rewritten within the step of its
last change, while it is copied, gives a mixture of both contents. That is the candidate's own loss, as the copy is
checked like any other content.
"""

import ctypes
import errno
import os
import stat

from autorec.domain.errors import IsolationError, MalformedPredictions

_SYS_OPENAT2 = 437  # the same number on every architecture
_RESOLVE_NO_XDEV = 0x01
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08
_RESOLVE = _RESOLVE_NO_XDEV | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_SYMLINKS | _RESOLVE_BENEATH
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LIBC = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    """`struct open_how` of linux/openat2.h."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def read_result(dir_fd: int, name: str, max_bytes: int) -> bytes:
    """The content of the regular file `name` directly in the folder `dir_fd`, at most `max_bytes` long.

    Raises MalformedPredictions when the file is missing, is not an ordinary file with one name, is too large or changes
    while it is copied, and IsolationError when the kernel has no openat2, so that no result can be taken safely.
    """
    if "/" in name or "\0" in name:
        raise ValueError(f"name is {name!r}; expected the name of a file in the folder itself")
    descriptor = _open_beneath(dir_fd, name)
    try:
        before = os.fstat(descriptor)
        size = _checked_size(before, name, max_bytes)
        content = _copy(descriptor, size + 1)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if len(content) != size:
        raise MalformedPredictions(f"{name} changed its size while it was read: {size} bytes, then {len(content)}")
    if _marks(before) != _marks(after):
        raise MalformedPredictions(f"{name} was changed while it was read; expected a file that is complete")
    return content


def _open_beneath(dir_fd: int, name: str) -> int:
    how = _OpenHow(flags=_FLAGS, mode=0, resolve=_RESOLVE)
    descriptor: int = _LIBC.syscall(
        ctypes.c_long(_SYS_OPENAT2),
        ctypes.c_int(dir_fd),
        ctypes.c_char_p(os.fsencode(name)),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    if descriptor >= 0:
        return descriptor
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EPERM):
        raise IsolationError(
            f"openat2 is not to be had here ({os.strerror(code)}); results of a sandbox cannot be taken safely",
            fix="run on Linux 5.6 or later; in a container, allow the system call openat2 in its seccomp profile",
        )
    if code in (errno.EBADF, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINVAL):
        raise OSError(code, os.strerror(code), name)
    raise MalformedPredictions(f"{name} cannot be taken: {_explained(code)}")


def _explained(code: int) -> str:
    if code == errno.ENOENT:
        return "it was announced, but is not there"
    if code == errno.ELOOP:
        return "it is a link; expected an ordinary file"
    return f"{os.strerror(code)}; expected an ordinary file"


def _checked_size(status: os.stat_result, name: str, max_bytes: int) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise MalformedPredictions(f"{name} is a {_kind(status.st_mode)}; expected an ordinary file")
    if status.st_nlink != 1:
        raise MalformedPredictions(f"{name} has {status.st_nlink} names (hard links); expected just one")
    if status.st_size > max_bytes:
        raise MalformedPredictions(f"{name} holds {status.st_size} bytes; expected at most {max_bytes}")
    return status.st_size


def _marks(status: os.stat_result) -> tuple[int, ...]:
    """What a change of the file leaves behind."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_nlink, status.st_mode


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISFIFO(mode):
        return "pipe"
    return "device"


def _copy(descriptor: int, limit: int) -> bytes:
    """At most `limit` bytes from the start, in as few reads as the kernel allows."""
    chunks = []
    while limit > 0 and (chunk := os.read(descriptor, limit)):
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)
