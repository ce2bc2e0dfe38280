"""Makes the system call filters beside it: `python sandbox/filters/make.py`, for developers.

A filter lets through what Linux had at version 5.16 (`LAST_NUMBER`), less what is listed here. Anything newer does not
exist for a candidate (ENOSYS), so that a new kernel opens no new door; nor does a call made in the manner of another
architecture (i386, x32). There are two kinds, each for two architectures:

- `walled`, behind walls (bwrap, container): namespaces hide the machine, so only what reaches through them, or widens
  what can be attacked, is refused.
- `unwalled`, the landlock tier, where the machine's processes, sockets and files are in sight: all that Landlock does
  not mediate is refused as well.

libseccomp (`libseccomp.so.2`, any 2.5) gives the numbers that calls have on each architecture; nothing needs it later.
"""

import ctypes
import errno
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
KINDS = ("walled", "unwalled")
LAST_NUMBER = 449  # futex_waitv; x32 calls have bit 30 set, and are above it too

DENIED = {
    "reading or steering another process":
        "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd migrate_pages "
        "move_pages",
    "keys, which no namespace separates":
        "add_key request_key keyctl",
    "large parts of the kernel that were broken often, and switches that training needs none of":
        "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register seccomp "
        "landlock_create_ruleset personality modify_ldt uselib lookup_dcookie nfsservctl _sysctl sysfs ustat "
        "fanotify_init fanotify_mark",
    "memory that neither a limit nor a look at the tree counts":
        "memfd_create memfd_secret mq_open",
    "memory, queues and semaphores of System V: those of others can be reached by number, without a key":
        "shmget shmat shmdt shmctl msgget msgsnd msgrcv msgctl semget semop semtimedop semctl",
    "mounts and namespaces":
        "mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr unshare "
        "setns",
    "files by handle, past all paths":
        "open_by_handle_at name_to_handle_at",
    "attributes of files, where bytes can hide":
        "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr",
    "the machine itself":
        "kexec_load kexec_file_load init_module finit_module delete_module create_module reboot swapon swapoff acct "
        "quotactl quotactl_fd sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex iopl ioperm "
        "syslog vhangup",
}  # fmt: skip

UNMEDIATED = {
    "sockets but for pairs: Landlock knows no unix sockets by path, and before version 6 no abstract ones":
        "socket connect bind listen accept accept4",
    "descriptors under way to another process, where deleted files can hide":
        "sendmsg sendmmsg",
    "modes, owners and times of files":
        "chmod fchmod fchmodat chown fchown lchown fchownat utime utimes utimensat futimesat",
    "looking on at what happens to files":
        "inotify_init inotify_init1 inotify_add_watch",
    "the priority of processes of the same user":
        "setpriority ioprio_set sched_setscheduler sched_setparam sched_setattr",
}  # fmt: skip

ABSENT = "clone3"  # its flags lie behind a pointer, where no filter sees them; libc falls back to clone

CLONE_NEW = 0x7E020000  # namespaces of mounts, cgroups, names, IPC, users, processes, network
AF_UNIX, SOCKET_KIND, CONNECTED = 1, 0xF, (1, 5)  # SOCK_STREAM, SOCK_SEQPACKET: these take no address once paired
S_IFMT, DEVICES = 0o170000, (0o020000, 0o060000)
PR_SET_DUMPABLE, RLIMIT_LOCKS = 4, 10
TERMINAL_INPUT = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD

# Classic BPF, see linux/filter.h and linux/seccomp.h.
LOAD, AND, EQUAL, GREATER, ANY_BIT, RETURN = 0x20, 0x54, 0x15, 0x25, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
ALLOW, ERROR = 0x7FFF0000, 0x00050000


class Condition(NamedTuple):
    """On the low half of an argument (all that the kernel looks at in those asked about), with a mask.

    Refused where it is one of `values`, or with `otherwise` where it is none of them. `values` None: where any bit
    of the mask is set.
    """

    argument: int
    mask: int = 0xFFFFFFFF
    values: tuple[int, ...] | None = None
    otherwise: bool = False


class Rule(NamedTuple):
    call: str
    error: int = errno.EPERM
    condition: Condition | None = None


def rules(kind: str) -> Iterator[Rule]:
    """What a filter of this kind refuses."""
    groups = (*DENIED.values(), *(UNMEDIATED.values() if kind == "unwalled" else ()))
    yield from (Rule(call) for group in groups for call in group.split())
    yield Rule(ABSENT, errno.ENOSYS)
    yield Rule("clone", condition=Condition(0, CLONE_NEW))
    yield Rule("mknod", condition=Condition(1, S_IFMT, DEVICES))
    yield Rule("mknodat", condition=Condition(2, S_IFMT, DEVICES))
    yield Rule("ioctl", condition=Condition(1, values=TERMINAL_INPUT))
    only_unix = Condition(0, values=(AF_UNIX,), otherwise=True)
    yield Rule("socketpair", errno.EAFNOSUPPORT, only_unix)
    if kind == "walled":
        yield Rule("socket", errno.EAFNOSUPPORT, only_unix)
        return
    yield Rule("socketpair", condition=Condition(1, SOCKET_KIND, CONNECTED, otherwise=True))
    yield Rule("prctl", condition=Condition(0, values=(PR_SET_DUMPABLE,)))  # would hide open files from a look
    yield Rule("prlimit64", condition=Condition(1, values=(RLIMIT_LOCKS,)))  # the mark by which strays are found
    yield Rule("setrlimit", condition=Condition(0, values=(RLIMIT_LOCKS,)))
    for call in ("prlimit64", "sched_setaffinity"):  # harmless on oneself, which is process 0
        yield Rule(call, condition=Condition(0, values=(0,), otherwise=True))


def program(architecture: str, kind: str) -> bytes:
    """The filter as the kernel takes it: instructions of 8 bytes, the first that returns decides."""
    refuse_foreign = refusal(errno.ENOSYS)
    made = [
        *(step(LOAD, ARCHITECTURE), step(EQUAL, ARCHITECTURES[architecture], 1, 0), refuse_foreign),
        *(step(LOAD, NUMBER), step(GREATER, LAST_NUMBER, 0, 1), refuse_foreign),
    ]
    for rule in rules(kind):
        number = number_of(architecture, rule.call)
        if number is not None:
            body = check(rule)
            made += [step(EQUAL, number, 0, len(body)), *body]
    return b"".join([*made, step(RETURN, ALLOW)])


def check(rule: Rule) -> list[bytes]:
    """What is done about a call of the rule's number: refuse it, or look at an argument first."""
    if rule.condition is None:
        return [refusal(rule.error)]
    argument, mask, values, otherwise = rule.condition
    load = [step(LOAD, ARGUMENTS + 8 * argument), step(AND, mask)]
    if values is None:
        tests = [step(ANY_BIT, mask, 0, 1)]
    else:
        last = len(values) - 1
        to_refusal = [last - place for place in range(len(values))]
        tests = [
            step(EQUAL, value, jump + 1 if otherwise else jump, 0 if place < last or otherwise else 1)
            for place, (value, jump) in enumerate(zip(values, to_refusal, strict=True))
        ]
    return [*load, *tests, refusal(rule.error), step(LOAD, NUMBER)]


def step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def refusal(error: int) -> bytes:
    return step(RETURN, ERROR | error)


def number_of(architecture: str, call: str) -> int | None:
    """The call's number; None where the architecture has no such call. Raises ValueError for a name nobody knows."""
    library = ctypes.CDLL("libseccomp.so.2")
    found = {name: library.seccomp_syscall_resolve_name_arch(token, call.encode())
             for name, token in ARCHITECTURES.items()}  # fmt: skip
    if all(number < 0 for number in found.values()):
        raise ValueError(f"{call}: no architecture has such a call")
    return found[architecture] if found[architecture] >= 0 else None


if __name__ == "__main__":
    for architecture in ARCHITECTURES:
        for kind in KINDS:
            (HERE / f"{architecture}-{kind}.bpf").write_bytes(program(architecture, kind))
