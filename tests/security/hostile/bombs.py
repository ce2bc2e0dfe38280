"""bombs"""
# Each stops by itself at twice what it may have or more, and keeps that for a while: so it can be run where nothing
# holds it, and be seen where something watches.

import os
import signal
import sys
import threading
from pathlib import Path

import kernel

MEBIBYTE = 1 << 20


def keep_a_while(got, allowed):
    if got > allowed:
        signal.sigtimedwait([], 3.0)  # long enough to be looked at, also by a busy machine


def forks(host):
    """Processes without end"""
    reader, writer = os.pipe()
    born = []
    try:
        while len(born) < 2 * host.processes:
            child = os.fork()
            if child == 0:
                os.close(writer)
                os.read(reader, 1)
                os._exit(0)
            born.append(child)
    except OSError:
        pass
    os.close(writer)
    for child in born:
        os.waitpid(child, 0)
    return f"processes {len(born)}"


def threads(host):
    """Threads without end"""
    over = threading.Event()
    born = []
    try:
        while len(born) < 2 * host.processes:
            thread = threading.Thread(target=over.wait)
            thread.start()
            born.append(thread)
    except RuntimeError:
        pass
    over.set()
    for thread in born:
        thread.join()
    return f"threads {len(born)}"


def open_files(host):
    """Open files without end"""
    held = []
    try:
        while len(held) < 2 * host.open_files:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    for descriptor in held:
        os.close(descriptor)
    return f"files {len(held)}"


def memory_files(host):
    """Files in memory that belong to no folder: memfd, which neither a disk limit nor a watch on memory counts"""
    held, size = [], 0
    try:
        while size < 4 * host.disk_bytes:
            held.append(kernel.call("memfd_create", b"loot", 0))
            size += os.write(held[-1], bytes(host.disk_bytes // 2))
    except OSError:
        pass
    keep_a_while(size, host.disk_bytes)
    for descriptor in held:
        os.close(descriptor)
    return f"bytes {size}"


def deleted_files(host):
    """Files that are deleted while they are open, and hold their bytes on"""
    return fill(Path("tmp"), host, delete=True)


def disk(host):
    """Files without end in its own folder"""
    return fill(Path("tmp"), host)


def shared_memory(host):
    """Files without end in /dev/shm"""
    return fill(Path("/dev/shm"), host)


def fill(folder, host, delete=False):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    held, size = [], 0
    try:
        while size < 3 * host.disk_bytes:
            path = folder / f"{host.key}-{host.name}-{len(held)}"
            file = os.open(path, os.O_CREAT | os.O_WRONLY)
            held.append((path, file))
            if delete:
                path.unlink()
            for _ in range(4):
                size += os.write(file, bytes(MEBIBYTE))
    except OSError:
        pass
    keep_a_while(size, host.disk_bytes)
    for path, file in held:
        os.close(file)
        path.unlink(missing_ok=True)
    return f"bytes {size}"


def inodes(host):
    """Empty files without end"""
    return litter(lambda path: os.close(os.open(path, os.O_CREAT | os.O_WRONLY)), os.unlink, host)


def folders(host):
    """Empty folders without end"""
    return litter(os.mkdir, os.rmdir, host)


def litter(make, remove, host):
    made = []
    try:
        while len(made) < 3 * host.inodes:
            made.append(f"tmp/{host.key}-{len(made)}")
            make(made[-1])
    except OSError:
        made.pop()
    keep_a_while(len(made), host.inodes)
    for path in made:
        remove(path)
    return f"inodes {len(made)}"


def memory(host):
    """Memory without end"""
    held = hold_memory(host.memory_bytes * 2)
    signal.sigtimedwait([], 1.0)  # long enough to be looked at
    return f"bytes {len(held) << 22}"


def hold_memory(size):
    held = []
    while len(held) << 22 < size:
        held.append(bytearray(b"x" * (1 << 22)))
    return held


def memory_of_many(host):
    """Memory without end, spread over processes of which none holds much"""
    for _ in range(4):
        if os.fork() == 0:
            held = hold_memory(host.memory_bytes // 2)
            signal.pause()
            del held
    signal.pause()


def memory_of_torch(host):
    """Memory without end in tensors, outside of Python's own"""
    import torch

    held = [torch.ones(1 << 20) for _ in range((host.memory_bytes * 2) >> 22)]
    signal.sigtimedwait([], 1.0)
    return f"bytes {len(held) << 22}"


def output(host):
    """Text without end, escape sequences among it"""
    for _ in range(3 * host.output_bytes // MEBIBYTE + 20):
        sys.stdout.write("\x1b[31mspam" + "y" * MEBIBYTE)
    print("\nTHE END", flush=True)
    return "printed"


def processor(host):
    """More processors than it may use, by processes that spin"""
    until = threading.Event()
    for _ in range(3):
        if os.fork() == 0:
            while True:
                pass
    until.wait()
