"""writes"""

import ctypes
import os
import stat
from pathlib import Path

import kernel


def add(path, host):
    with path.open("ab") as file:
        file.write(host.token)


def outside(host):
    """A file of somebody else, appended to"""
    add(Path(host.outside, "outside.txt"), host)


def new_file(host):
    """A new file in a folder that anybody may write to"""
    add(Path(host.outside, "new_file.txt"), host)


def data(host):
    """The training data"""
    add(Path(host.data, "data.npy"), host)


def query(host):
    """The questions that are asked afterwards"""
    add(Path(host.query, "query.npy"), host)


def data_removed(host):
    """A file of the training data, deleted"""
    Path(host.data, "data_removed.npy").unlink()


def data_renamed(host):
    """A file of the training data, moved away"""
    file = Path(host.data, "data_renamed.npy")
    file.rename(file.with_suffix(".gone"))


def data_truncated(host):
    """A file of the training data, cut by its path"""
    os.truncate(Path(host.data, "data_truncated.npy"), 1)


def data_mode(host):
    """The mode of a file of the training data, which Landlock does not guard"""
    Path(host.data, "data_mode.npy").chmod(0o600)


def data_times(host):
    """The times of a file of the training data, which Landlock does not guard"""
    os.utime(Path(host.data, "data_times.npy"), (0, 0))


def data_owner(host):
    """The owner of a file of the training data, which Landlock does not guard"""
    os.chown(Path(host.data, "data_owner.npy"), -1, 12345 if os.getuid() == 0 else os.getgid())


def data_attribute(host):
    """An extended attribute of a file of the training data"""
    os.setxattr(Path(host.data, "data_attribute.npy"), "user.note", host.token)


def hard_link(host):
    """A file of somebody else, given a second name in its own folder and written to through that"""
    os.link(Path(host.outside, "hard_link.txt"), "linked")
    add(Path("linked"), host)


def pth(host):
    """A .pth file in site-packages, which runs at the next start of Python"""
    Path(host.site, "pth.pth").write_text("import os")


def sitecustomize(host):
    """A sitecustomize in site-packages"""
    Path(host.site, "sitecustomize.py").write_text("import os")


def package(host):
    """A package that the next candidate imports"""
    add(Path(host.site, "package.py"), host)


def pycache(host):
    """The compiled form of a package that the next candidate imports"""
    add(Path(host.site, "__pycache__", "pycache.pyc"), host)


def runner(host):
    """The runner itself, opened for writing"""
    os.close(os.open(Path(host.sandbox, "runner.py"), os.O_WRONLY))
    return "BREACH: opened"


def interpreter(host):
    """A module of the interpreter, opened for writing"""
    os.close(os.open(os.__file__, os.O_WRONLY))
    return "BREACH: opened"


def loader(host):
    """The loader's cache, opened for writing: with it, as with LD_PRELOAD, every process runs what it says"""
    os.close(os.open("/etc/ld.so.cache", os.O_WRONLY))
    return "BREACH: opened"


def preload(host):
    """A library left where others preload from (LD_PRELOAD)"""
    add(Path(host.outside, "preload.so"), host)


def core_pattern(host):
    """The program that the kernel starts when something crashes, opened for writing"""
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    return "BREACH: opened"


def device(host):
    """A device node of its own making, opened"""
    os.mknod("node", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    with Path("node").open("rb") as zeros:
        return f"BREACH: read {len(zeros.read(4))} bytes"


def mounted_over(host):
    """A folder of the system, mounted over"""
    return kernel.in_child(lambda: mount_over(host))


def mount_over(host):
    kernel.call("unshare", 0x00020000)  # a mount namespace of its own, so that without walls nothing else is harmed
    private = ctypes.c_ulong(0x44000)
    if kernel.libc.mount(None, b"/", None, private, None) == 0:
        kernel.libc.mount(b"none", host.outside.encode(), b"tmpfs", ctypes.c_ulong(0), None)
    return "BREACH: mounted" if not os.listdir(host.outside) else "not mounted"
