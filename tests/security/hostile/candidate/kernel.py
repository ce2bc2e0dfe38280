"""System calls by number, as an attacker makes them; they raise OSError like those of `os`."""

import ctypes
import os
import signal

MACHINES = ("x86_64", "aarch64")
NUMBERS = {
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "msgsnd": (69, 189), "semget": (64, 190),
    "semctl": (66, 191), "ptrace": (101, 117), "syslog": (103, 116), "mount": (165, 40), "unshare": (272, 97),
    "setns": (308, 268), "clone3": (435, 435), "add_key": (248, 217), "keyctl": (250, 219), "mq_open": (240, 180),
    "mq_timedsend": (242, 182), "perf_event_open": (298, 241), "bpf": (321, 280), "userfaultfd": (323, 282),
    "open_by_handle_at": (304, 265), "process_vm_readv": (310, 270), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138), "memfd_create": (319, 279), "fsopen": (430, 430),
    "msgrcv": (70, 188), "mq_timedreceive": (243, 183), "mq_unlink": (241, 181), "name_to_handle_at": (303, 264),
}  # fmt: skip
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p


def call(name, *arguments):
    machine = os.uname().machine
    return by_number(NUMBERS[name][MACHINES.index(machine)], *arguments)


def by_number(number, *arguments):
    passed = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    libc.syscall.restype = ctypes.c_long
    result = libc.syscall(ctypes.c_long(number), *passed)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def in_child(attempt):
    """What the attempt got, made in a process of its own: some leave the one that makes them changed, or dead."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = str(attempt())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return said or f"ended by {signal.Signals(os.WTERMSIG(status)).name}"
