"""The system call filters as the kernel reads them: each instruction is carried out here, for both architectures."""

import ctypes.util
import errno
import importlib.util
import struct
from pathlib import Path
from types import ModuleType

import pytest

FILTERS = Path(__file__).parents[2] / "sandbox" / "filters"
ALLOW, ERROR = 0x7FFF0000, 0x00050000
NUMBERS = {
    "x86_64": {
        "read": 0, "ioctl": 16, "socket": 41, "connect": 42, "sendmsg": 46, "socketpair": 53, "clone": 56, "fork": 57,
        "fchmod": 91, "ptrace": 101, "mknod": 133, "mount": 165, "sched_setaffinity": 203, "unshare": 272,
        "openat": 257, "mknodat": 259, "utimensat": 280, "prlimit64": 302, "memfd_create": 319, "bpf": 321,
        "setrlimit": 160, "io_uring_setup": 425, "clone3": 435, "futex_waitv": 449, "openat2": 437, "prctl": 157,
    },
    "aarch64": {
        "read": 63, "ioctl": 29, "socket": 198, "connect": 203, "sendmsg": 211, "socketpair": 199, "clone": 220,
        "fchmod": 52, "ptrace": 117, "mount": 40, "sched_setaffinity": 122, "unshare": 97, "openat": 56, "mknodat": 33,
        "utimensat": 88, "prlimit64": 261, "memfd_create": 279, "bpf": 280, "io_uring_setup": 425, "clone3": 435,
        "setrlimit": 164, "futex_waitv": 449, "openat2": 437, "prctl": 167,
    },
}  # fmt: skip
TOKENS = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "i386": 0x40000003, "arm": 0x40000028}
BOTH = pytest.mark.parametrize("architecture", list(NUMBERS))


def decide(content: bytes, token: int, number: int, arguments: tuple[int, ...]) -> int:
    """Carry out a filter: what it returns for a call."""
    call = struct.pack("=IIQ6Q", number, token, 0, *(*arguments, *(0,) * 6)[:6])
    instructions = list(struct.iter_unpack("=HBBI", content))
    accumulator, place = 0, 0
    while True:
        code, if_true, if_false, operand = instructions[place]
        place += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", call, operand)
            case 0x54:
                accumulator &= operand
            case 0x15:
                place += if_true if accumulator == operand else if_false
            case 0x25:
                place += if_true if accumulator > operand else if_false
            case 0x45:
                place += if_true if accumulator & operand else if_false
            case 0x06:
                return operand
            case _:
                raise AssertionError(f"instruction {code:#x}")


def refused(architecture: str, kind: str, call: str | int, *arguments: int, token: str | None = None) -> int:
    """The error that a call gives; 0 where it is let through."""
    number = call if isinstance(call, int) else NUMBERS[architecture][call]
    content = (FILTERS / f"{architecture}-{kind}.bpf").read_bytes()
    result = decide(content, TOKENS[token or architecture], number, arguments)
    assert result == ALLOW or result & 0xFFFF0000 == ERROR
    return 0 if result == ALLOW else result & 0xFFFF


@BOTH
@pytest.mark.parametrize("kind", ["walled", "unwalled"])
def test_what_training_needs_is_let_through(architecture: str, kind: str) -> None:
    for call in ("read", "openat", "futex_waitv", "openat2"):
        assert refused(architecture, kind, call) == 0, call
    assert refused(architecture, kind, "clone", 0x003D0F00) == 0, "a thread"
    assert refused(architecture, kind, "clone", 0x01200011) == 0, "a process"
    assert refused(architecture, kind, "socketpair", 1, 1 | 0o2000000) == 0
    assert refused(architecture, kind, "ioctl", 0, 0x5401) == 0
    assert refused(architecture, kind, "prlimit64", 0) == 0
    assert refused(architecture, kind, "mknodat", 0, 0, 0o010644) == 0, "a pipe with a name"


@BOTH
@pytest.mark.parametrize("kind", ["walled", "unwalled"])
def test_what_only_an_attack_needs_is_refused(architecture: str, kind: str) -> None:
    for call in ("ptrace", "mount", "unshare", "memfd_create", "bpf", "io_uring_setup"):
        assert refused(architecture, kind, call) == errno.EPERM, call
    for namespace in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert refused(architecture, kind, "clone", namespace | 17) == errno.EPERM
    for device in (0o020000, 0o060000):
        assert refused(architecture, kind, "mknodat", 0, 0, device | 0o644) == errno.EPERM
    for request in (0x5412, 0x541C, 0x5423, 0x5412 | 1 << 32):
        assert refused(architecture, kind, "ioctl", 0, request) == errno.EPERM
    for family in (0, 2, 10, 16, 17, 38, 40):
        assert refused(architecture, kind, "socketpair", family) == errno.EAFNOSUPPORT
        assert refused(architecture, kind, "socket", family) in (errno.EAFNOSUPPORT, errno.EPERM)


@BOTH
@pytest.mark.parametrize("kind", ["walled", "unwalled"])
def test_what_the_filter_does_not_know_does_not_exist(architecture: str, kind: str) -> None:
    foreign = {"x86_64": "i386", "aarch64": "arm"}[architecture]
    assert refused(architecture, kind, "clone3") == errno.ENOSYS
    for number in (450, 452, 467, 1000, 0x40000000, 0x40000000 | NUMBERS[architecture]["read"], 0xFFFFFFFF):
        assert refused(architecture, kind, number) == errno.ENOSYS, number
    assert refused(architecture, kind, "read", token=foreign) == errno.ENOSYS


@BOTH
def test_without_walls_more_is_refused(architecture: str) -> None:
    assert refused(architecture, "walled", "socket", 1) == 0
    for call in ("socket", "connect", "sendmsg", "fchmod", "utimensat"):
        assert refused(architecture, "walled", call, 1) == 0
        assert refused(architecture, "unwalled", call, 1) == errno.EPERM
    for kind in (2, 3, 2 | 0o4000):
        assert refused(architecture, "unwalled", "socketpair", 1, kind) == errno.EPERM, "a pair that takes an address"
    assert refused(architecture, "unwalled", "prctl", 4) == errno.EPERM, "looks from outside go on"
    assert refused(architecture, "unwalled", "prctl", 38) == refused(architecture, "walled", "prctl", 4) == 0
    for call, *arguments in (("setrlimit", 10), ("prlimit64", 0, 10), ("prlimit64", 0, 10 | 1 << 32)):
        assert refused(architecture, "unwalled", call, *arguments) == errno.EPERM, "its mark stays with it"
        assert refused(architecture, "walled", call, *arguments) == 0
    assert (
        refused(architecture, "unwalled", "setrlimit", 7) == refused(architecture, "unwalled", "prlimit64", 0, 7) == 0
    )
    for call in ("prlimit64", "sched_setaffinity"):
        assert refused(architecture, "unwalled", call, 0) == 0
        assert refused(architecture, "unwalled", call, 4711) == errno.EPERM
        assert refused(architecture, "walled", call, 4711) == 0


def test_calls_of_old_that_only_one_architecture_has() -> None:
    assert refused("x86_64", "walled", "mknod", 0, 0o020644) == errno.EPERM
    assert refused("x86_64", "walled", "mknod", 0, 0o010644) == 0
    assert refused("x86_64", "walled", "fork") == 0


def test_the_shipped_filters_are_what_the_script_makes() -> None:
    if ctypes.util.find_library("seccomp") is None:
        pytest.skip("libseccomp is not on this machine")
    make = _script()
    for architecture in make.ARCHITECTURES:
        for kind in make.KINDS:
            shipped = (FILTERS / f"{architecture}-{kind}.bpf").read_bytes()
            assert shipped == make.program(architecture, kind), "run python sandbox/filters/make.py"


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_filters", FILTERS / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
