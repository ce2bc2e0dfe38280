"""privileges"""

import ctypes
import os
import resource
import struct
import subprocess
from pathlib import Path

import kernel

NEW_USER, NEW_NET, NEW_NS, NEW_PID = 0x10000000, 0x40000000, 0x00020000, 0x20000000


def root(host):
    """To be root again: setuid, setgid"""
    os.setgid(0)
    os.setuid(0)
    return f"BREACH: uid {os.getuid()}"


def root_by_program(host):
    """To be root through a setuid program: su"""
    done = subprocess.run(["su", "-c", "id -u"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return "BREACH: uid 0" if done.stdout.strip() == "0" else f"exit code {done.returncode}"


def capabilities(host):
    """Capabilities, and privileges that an exec might add"""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    held = [name for name in ("CapEff", "CapPrm", "CapInh", "CapAmb") if int(status[name], 16)]
    held += ["no_new_privs is not set"] if status["NoNewPrivs"] != "1" else []
    return f"BREACH: {held}" if held else "none"


def user_namespace(host):
    """A user namespace of its own, where it would have all capabilities: unshare"""
    return kernel.in_child(lambda: kernel.call("unshare", NEW_USER) or "BREACH: granted")


def user_namespace_by_clone(host):
    """A user namespace of its own by clone3, whose flags a filter of system calls cannot see"""
    arguments = ctypes.create_string_buffer(struct.pack("=8Q", NEW_USER, 0, 0, 0, 17, 0, 0, 0))
    child = kernel.call("clone3", arguments, 64)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "BREACH: granted"


def other_namespaces(host):
    """A network, mount or pid namespace of its own"""
    return kernel.in_child(lambda: kernel.call("unshare", NEW_NET) or "BREACH: granted")


def mount(host):
    """A file system mounted on its own folder"""
    return kernel.in_child(mount_own)


def mount_own():
    """Without walls, in a mount namespace that ends with the child."""
    if os.getuid() == 0:
        kernel.call("unshare", NEW_NS)
    result = kernel.libc.mount(b"none", os.getcwd().encode(), b"tmpfs", ctypes.c_ulong(0), None)
    return "BREACH: mounted" if result == 0 else os.strerror(ctypes.get_errno())


def new_mount_calls(host):
    """A file system by the newer calls: fsopen"""
    os.close(kernel.call("fsopen", b"tmpfs", 0))
    return "BREACH: opened a file system"


def chroot(host):
    """Another root folder: chroot"""
    return kernel.in_child(lambda: os.chroot(".") or "BREACH: granted")


def setns(host):
    """The namespaces of another process: setns"""
    return kernel.in_child(lambda: enter(host.victims["setns"]))


def enter(pid):
    for name in ("net", "ipc", "uts"):
        if kernel.call("setns", os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), 0) != 0:
            return "refused"
    return "BREACH: entered"


def rlimits(host):
    """Higher limits than it was given"""
    limits = (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_CPU)
    return kernel.in_child(lambda: raise_limits(limits, host))


def raise_limits(limits, host):
    for limit in limits:
        resource.setrlimit(limit, (resource.getrlimit(limit)[1],) * 2)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return f"BREACH: {files} open files" if files > host.open_files else f"{files} open files"


def priority(host):
    """More of the processor than others: a real-time class"""
    return kernel.in_child(lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)) or "BREACH: granted")


def performance_counters(host):
    """The kernel's performance counters, a side channel and a wide surface"""
    attributes = ctypes.create_string_buffer(struct.pack("=IIQ", 1, 120, 0), 120)
    ctypes.c_uint64.from_buffer(attributes, 40).value = 0b1100000  # of itself only: exclude kernel and hypervisor
    os.close(kernel.call("perf_event_open", attributes, 0, -1, -1, 0))
    return "BREACH: opened"


def bpf(host):
    """A table of the kernel's own virtual machine (eBPF)"""
    attributes = ctypes.create_string_buffer(struct.pack("=IIIII", 1, 4, 4, 1, 0), 72)
    os.close(kernel.call("bpf", 0, attributes, 72))
    return "BREACH: made"


def page_faults(host):
    """Handling page faults itself (userfaultfd), which makes races in the kernel easy to win"""
    os.close(kernel.call("userfaultfd", 1))
    return "BREACH: opened"


def io_uring_surface(host):
    """io_uring itself, the part of the kernel with most escapes of late"""
    os.close(kernel.call("io_uring_setup", 4, ctypes.create_string_buffer(120)))
    return "BREACH: opened"


def add_key(host):
    """A key of its own in the kernel's keyrings, whose memory is charged to others"""
    kernel.call("add_key", b"user", b"hostile", b"loot", 4, -1)
    return "BREACH: added"
