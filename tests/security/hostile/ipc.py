"""shared memory"""

import ctypes
import os
from pathlib import Path

import kernel


def shared_file(host):
    """A file in the machine's /dev/shm"""
    with Path(f"/dev/shm/{host.key}-shared_file").open("ab") as file:
        file.write(host.token)


def left_behind(host):
    """A file left in /dev/shm, for the next candidate to find"""
    Path(f"/dev/shm/{host.key}-left_behind").write_bytes(host.token)
    return "left"


def sysv_memory(host):
    """A SysV shared memory segment of somebody else"""
    segment = kernel.call("shmget", host.sysv, 0, 0)
    kernel.libc.shmat.restype = ctypes.c_void_p
    address = kernel.libc.shmat(segment, None, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "shmat")
    ctypes.memmove(address, host.token, len(host.token))


def sysv_messages(host):
    """A SysV message queue of somebody else"""
    queue = kernel.call("msgget", host.sysv, 0)
    message = ctypes.create_string_buffer((1).to_bytes(8, "little") + host.token)
    kernel.call("msgsnd", queue, message, len(host.token), 0o4000)


def sysv_messages_by_number(host):
    """The same queue by its number, for which no key is asked"""
    message = ctypes.create_string_buffer((1).to_bytes(8, "little") + host.token)
    kernel.call("msgsnd", host.queue, message, len(host.token), 0o4000)


def sysv_semaphore(host):
    """A SysV semaphore of somebody else"""
    kernel.call("semctl", kernel.call("semget", host.sysv, 1, 0), 0, 16, 7)


def posix_queue(host):
    """A POSIX message queue of somebody else"""
    queue = kernel.call("mq_open", host.key.encode(), os.O_WRONLY, 0, None)
    kernel.call("mq_timedsend", queue, host.token, len(host.token), 0, None)
