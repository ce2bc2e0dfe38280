"""What the runner gives up before it sees a candidate: capabilities, descriptors, limits, files, system calls.

Plain system calls through ctypes, standard library only: everything here runs before torch is imported or right
before the candidate's first line. The trusted side relies on none of it alone; bubblewrap's namespaces come first.
"""

import ctypes
import os
import resource
import signal
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_NOSUID, MS_NODEV = 2, 4
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 1, 24, 38, 47, 4
CAPABILITY_VERSION_3 = 0x20080522
SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC = 1, 1
INSTRUCTION_BYTES = 8
FILTERS = Path(__file__).resolve().parent / "filters"

# System call numbers that x86-64 and arm64 (and every architecture since Linux 5.1) share, but for capset.
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}
SYS_CLOSE_RANGE = 436
SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 444, 445, 446


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(what: str, number: int, *arguments: object) -> int:
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments), what)


def _prctl(option: int, *values: int) -> int:
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    return int(_libc.prctl(ctypes.c_int(option), *padded))


def own_mounts() -> None:
    """Enter a user and a mount namespace of our own, under the same ids. Only while single-threaded.

    Raises OSError where the kernel or its policy forbids it.
    """
    uid, gid = os.getuid(), os.getgid()
    _checked(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def mount_tmpfs(path: str, *, size_bytes: int, inodes: int) -> None:
    """Mount a tmpfs that is bounded in bytes and in files. Raises OSError."""
    options = f"size={size_bytes},nr_inodes={inodes},mode=700".encode()
    flags = ctypes.c_ulong(MS_NOSUID | MS_NODEV)
    _checked(_libc.mount(b"tmpfs", path.encode(), b"tmpfs", flags, options), f"mount {path}")


def drop_capabilities() -> None:
    """Give up every capability for good. Only while single-threaded: threads keep their own."""
    _checked(_prctl(PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")
    capability = 0
    while _prctl(PR_CAPBSET_DROP, capability) == 0:
        capability += 1
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header, nothing = struct.pack("=Ii", CAPABILITY_VERSION_3, 0), bytes(24)
    _syscall("capset", SYS_CAPSET[os.uname().machine], header, nothing)


def close_all_but(keep: int) -> None:
    """Close every descriptor from 3 on, except one."""
    for first, last in ((3, keep - 1), (keep + 1, 0xFFFFFFFF)):
        if first <= last:
            _syscall("close_range", SYS_CLOSE_RANGE, ctypes.c_uint(first), ctypes.c_uint(last), ctypes.c_uint(0))


def threads_of_user() -> int:
    """How many threads run under this user, as far as /proc shows them."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            count += len(os.listdir(process / "task")) if process.stat().st_uid == os.getuid() else 0  # noqa: PTH208
        except OSError:
            continue
    return count


def die_with_parent() -> None:
    """Be killed when the process that started this one ends."""
    _checked(_prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "pdeathsig")


def set_rlimits(limits: Mapping[str, int], *, processes_of_others: int = 0) -> None:
    """Soft and hard limits from a job's `rlimits`, never above what is inherited.

    `processes_of_others` run under the same user, and the kernel counts them in.
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits["cpu_s"],
        resource.RLIMIT_FSIZE: limits["disk_bytes"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_NPROC: limits["processes"] + processes_of_others,
        resource.RLIMIT_DATA: limits["memory_bytes"],
        resource.RLIMIT_MEMLOCK: 1 << 16,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bounded, bounded))


# Landlock access rights, see linux/landlock.h: the rights known to each version of the interface.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE = 1 << 14
_FS_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP_RIGHTS, _TCP_VERSION = 0b11, 4
_SCOPES, _SCOPES_VERSION = 0b11, 6


def landlock_version() -> int:
    """The kernel's Landlock interface, 0 where there is none."""
    return max(0, int(_libc.syscall(ctypes.c_long(SYS_LANDLOCK_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint(1))))


def restrict_files(
    *, readable: Iterable[str], writable: Iterable[str], devices: Iterable[str], listable: Iterable[str] = ()
) -> bool:
    """Forbid, through Landlock, all file access but to the given paths, TCP, and signals to outside.

    `listable` folders show names, not contents. Binds this thread and what it starts from here on. False where the
    kernel has no Landlock. Raises OSError when the kernel has it and refuses.
    """
    version = landlock_version()
    if version == 0:
        return False
    every = _FS_RIGHTS_BY_VERSION[max(known for known in _FS_RIGHTS_BY_VERSION if known <= version)]
    fields = [every, _TCP_RIGHTS if version >= _TCP_VERSION else 0, _SCOPES if version >= _SCOPES_VERSION else 0]
    used = fields if version >= _SCOPES_VERSION else fields[:2] if version >= _TCP_VERSION else fields[:1]
    attributes = struct.pack(f"={len(used)}Q", *used)
    ruleset = _syscall("landlock", SYS_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
    for paths, rights in (
        (readable, EXECUTE | READ_FILE | READ_DIR),
        (writable, every),
        (devices, READ_FILE | WRITE_FILE | TRUNCATE),
        (listable, READ_DIR),
    ):
        for path in paths:
            _allow(ruleset, path, rights & every)
    _syscall("landlock", SYS_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint(0))
    os.close(ruleset)
    return True


def restrict_calls(kind: str) -> None:
    """Refuse the system calls that a filter of this kind refuses (`filters/make.py`), for good, in all threads.

    Raises OSError where there is no filter for this architecture, or the kernel does not take it.
    """
    content = (FILTERS / f"{os.uname().machine}-{kind}.bpf").read_bytes()
    instructions = ctypes.create_string_buffer(content, len(content))
    program = struct.pack("@HP", len(content) // INSTRUCTION_BYTES, ctypes.addressof(instructions))
    number, threads_too = SYS_SECCOMP[os.uname().machine], ctypes.c_uint(SECCOMP_FILTER_FLAG_TSYNC)
    thread = _syscall("seccomp", number, ctypes.c_uint(SECCOMP_SET_MODE_FILTER), threads_too, program)
    if thread != 0:
        raise OSError(f"seccomp: thread {thread} does not take the filter")


def _allow(ruleset: int, path: str, rights: int) -> None:
    if not Path(path).exists():
        return
    beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not Path(path).is_dir():
        rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
    rule = struct.pack("=Qi", rights, beneath)
    _syscall("landlock", SYS_LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint(0))
    os.close(beneath)
