"""secrets"""

import ctypes
import gc
import os
import re
import signal
import sys
from pathlib import Path

import kernel


def files_of(host, pattern):
    """What all files of that pattern hold, those that can be read."""
    found = []
    for path in Path("/proc").glob(pattern):
        try:
            if path.is_file():  # no pipe of somebody else's is emptied where nothing holds this
                found.append(path.read_bytes())
        except OSError:
            continue
    return b"".join(found).decode(errors="replace")


def told(host, text):
    return sorted(set(re.findall(host.marker + "[0-9a-f]+", text))) or f"{len(text)} characters"


def labels(host):
    """The held-out labels, by their path"""
    return Path(host.labels).read_text()


def labels_listed(host):
    """The names of the files beside the labels"""
    return os.listdir(Path(host.labels).parent)


def trusted_code(host):
    """The source of the trusted side"""
    Path(host.repository, "domain", "job.py").read_text()
    return "BREACH: read autorec/domain/job.py"


def beside_programs(host):
    """Sources, documents and whatever else lies beside the system's programs: /usr/src, /usr/share, /usr/local"""
    for place in ("/usr/src", "/usr/share", "/usr/games", "/usr/local"):
        for folder, _, names in os.walk(place):
            within = Path(folder).relative_to(place).parts[:1]
            if within in (("zoneinfo",), ("bin",), ("lib",)):  # shown: times of day, an interpreter of /usr/local
                continue
            for path in (Path(folder, name) for name in names):
                if path.is_file() and read_or_empty(path):
                    return f"BREACH: read {path}"
    return "nothing to be read"


def own_environment(host):
    """Keys in its own environment"""
    return told(host, str(dict(os.environ)) + Path("/proc/self/environ").read_text())


def environments(host):
    """Keys in the environment of any process: /proc/*/environ"""
    return told(host, files_of(host, "[0-9]*/environ"))


def command_lines(host):
    """Secrets on the command line of any process: /proc/*/cmdline"""
    return told(host, files_of(host, "[0-9]*/cmdline"))


def proc_root(host):
    """The labels through the root folder of any process: /proc/*/root"""
    return told(host, files_of(host, "[0-9]*/root" + host.labels))


def proc_cwd(host):
    """The labels through the working folder of any process: /proc/*/cwd"""
    return told(host, files_of(host, "[0-9]*/cwd/" + Path(host.labels).name))


def proc_fd(host):
    """A deleted file that another process holds open: /proc/*/fd"""
    return told(host, files_of(host, f"[0-9]*/fd/{host.holder_fd}"))


def proc_mem(host):
    """The memory of another process: /proc/PID/mem"""
    with Path(f"/proc/{host.holder}/mem").open("rb", buffering=0) as memory:
        memory.seek(host.holder_address)
        return memory.read(64)


def process_vm_readv(host):
    """The memory of another process: process_vm_readv"""

    class Span(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    buffer = ctypes.create_string_buffer(64)
    mine, theirs = Span(ctypes.addressof(buffer), 64), Span(host.holder_address, 64)
    kernel.call("process_vm_readv", host.holder, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
    return buffer.raw


def parent_memory(host):
    """The memory of its own parent and of process 1"""
    found = []
    for pid in {os.getppid(), 1} - {host.pid_of_suite}:
        try:
            with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
                line = Path(f"/proc/{pid}/maps").read_text().split()[0]
                memory.seek(int(line.partition("-")[0], 16))
                found.append(memory.read(4))
        except OSError as error:
            found.append(type(error).__name__)
    return "BREACH: read it" if b"\x7fELF" in found else found


def ptrace(host):
    """The memory of another process: ptrace attached to it"""
    attach, peek, detach = 16, 2, 17
    victim = host.victims["ptrace"]
    kernel.call("ptrace", attach, victim, 0, 0)
    os.waitpid(victim, 0x40000000)
    word = ctypes.c_long()
    kernel.call("ptrace", peek, victim, address_of(victim), ctypes.byref(word))
    kernel.call("ptrace", detach, victim, 0, 0)
    return f"BREACH: attached, and read {word.value:x}"


def address_of(pid):
    return int(Path(f"/proc/{pid}/maps").read_text().partition("-")[0], 16)


def pidfd_getfd(host):
    """A descriptor taken out of another process: pidfd_getfd"""
    process = kernel.call("pidfd_open", host.holder, 0)
    return os.pread(kernel.call("pidfd_getfd", process, host.holder_fd, 0), 64, 0)


def descriptors(host):
    """Descriptors that were left open by whoever started it"""
    found = []
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            found.append(os.pread(number, 64, 0))
        except OSError:
            continue
    return found


def keyring(host):
    """A key in the kernel's keyring of the session, which processes inherit"""
    key = kernel.call("keyctl", 10, -3, b"user", host.key.encode(), 0)
    buffer = ctypes.create_string_buffer(64)
    kernel.call("keyctl", 11, key, buffer, 64)
    return buffer.value


def kernel_log(host):
    """The kernel's log, which tells addresses and what others do"""
    buffer = ctypes.create_string_buffer(256)
    if kernel.call("syslog", 3, buffer, 256):
        return "BREACH: read it"
    return "nothing in it"


def open_by_handle(host):
    """The labels by the number of their inode, past all mounts: open_by_handle_at"""
    handle = ctypes.create_string_buffer(bytes.fromhex(host.labels_handle))
    for place in (host.job_parent, host.data, "/usr", "/", "/dev/shm"):
        try:
            mount = os.open(place, os.O_RDONLY)
            return os.read(kernel.call("open_by_handle_at", mount, handle, os.O_RDONLY), 64)
        except OSError as error:
            said = str(error)
    return said


def frames(host):
    """The scorer, by walking up the frames and through all live objects"""
    found = []
    frame = sys._getframe()
    while frame is not None:
        found += [repr(value) for name, value in frame.f_locals.items() if name == "held_out"]
        frame = frame.f_back
    found += [repr(thing) for thing in gc.get_objects() if isinstance(thing, dict) and "held_out" in thing]
    return str(told(host, "".join(found))) + str([name for name in sys.modules if name.startswith("autorec")])


def neighbour(host):
    """Files of another candidate that trains beside it: job folders, shared memory, /proc"""
    found = []
    for pattern in ("/proc/[0-9]*/cwd/mark", "/dev/shm/mark-*", "/tmp/*/mark", "/tmp/*/*/mark", "/job/../*/mark"):
        found += [text for text in map(read_or_empty, Path("/").glob(pattern[1:])) if "other" in text]
    found += [text for text in map(read_or_empty, Path.cwd().parent.glob("*/mark")) if "other" in text]
    return found


def read_or_empty(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def be_a_neighbour(host):
    """Not an attack: leaves marks where others must not find them, until it is told to stop"""
    for place in (Path("mark"), Path(f"/dev/shm/mark-{os.getpid()}")):
        place.write_text(f"other {host.marker} candidate")
        place.chmod(0o666)
    try:
        while True:
            host.run.checkpoint(host.recommender)
            signal.sigtimedwait([], 0.05)
    finally:
        place.unlink()
