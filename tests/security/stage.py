"""What an attack may reach if nothing holds it: listeners, secrets, files, processes, queues, a terminal.

All of it is made for one pass of the suite, open to every user of the machine (so that it is the sandbox, not a file
mode, that holds), and looked at from here: nothing that a candidate prints is needed to see that something got out.
"""

import contextlib
import ctypes
import os
import secrets
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import tty
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hostile.candidate import kernel

from autorec.execution.canaries import open_to_all, uids_of, write_bundle

VICTIMS = (
    "ptrace", "setns", "kill", "kill_group", "stop", "kill_by_handle", "kill_thread", "kill_by_queue", "kill_by_owner",
    "kill_by_limit", "slow_down", "first_to_die",
)  # fmt: skip
DATA = ("data", "data_removed", "data_renamed", "data_truncated", "data_mode", "data_times", "data_owner",
        "data_attribute")  # fmt: skip
HOLDER = """
import ctypes, os, signal, sys
secret = ctypes.create_string_buffer(os.environ["API_KEY"].encode() + b" in memory", 64)
file = os.open("held", os.O_CREAT | os.O_RDWR)
os.write(file, os.environ["API_KEY"].encode())
os.unlink("held")
print(ctypes.addressof(secret), file, flush=True)
signal.pause()
"""


class Stage:
    """Use as a context manager. `told` is what an attack is told, `fingerprint` what is looked at, `jobs` a folder for
    those of jobs, so that what is left of them is seen."""

    def __init__(self) -> None:
        self.key = f"autorec-hostile-{secrets.token_hex(4)}"
        self.marker = f"marker-{secrets.token_hex(8)}"
        self._close = contextlib.ExitStack()
        self._heard: list[bytes] = []
        self._over = threading.Event()

    def __enter__(self) -> "Stage":
        with contextlib.ExitStack() as made:
            self.folder, self.jobs = (
                Path(made.enter_context(tempfile.TemporaryDirectory(prefix=f"autorec-{what}-")))
                for what in ("hostile", "jobs")
            )
            self.jobs.chmod(0o777)
            self._make_files()
            self._make_processes(made)
            self._make_listeners(made)
            self._make_queues(made)
            self._make_terminal(made)
            self._make_key()
            self._close = made.pop_all()
        self.before = self.fingerprint()
        return self

    def __exit__(self, *_: object) -> None:
        self._close.close()

    @property
    def bundle(self) -> tuple[str, str]:
        """The folders of training data and of questions."""
        return str(self.folder / "data"), str(self.folder / "query")

    @property
    def site(self) -> Path:
        """A folder of packages that every sandbox of this pass is given."""
        return self.folder / "site-packages"

    def told(self) -> dict[str, Any]:
        """What an attack knows: every place and number, but no secret."""
        return {
            "key": self.key,
            "marker": self.marker[:7],
            "tcp_port": self._tcp.getsockname()[1],
            "udp_port": self._udp.getsockname()[1],
            "abstract": self.key,
            "socket_file": str(self.folder / "socket"),
            "datagram_file": str(self.folder / "datagram"),
            "labels": str(self.folder / "run" / "labels.npy"),
            "labels_handle": handle_of(self.folder / "run" / "labels.npy"),
            "repository": str(Path(sys.modules["autorec"].__file__ or "").parent),
            "sandbox": str(Path(sys.modules["autorec"].__file__ or "").parents[1] / "sandbox"),
            "outside": str(self.folder / "outside"),
            "site": str(self.site),
            "data": self.bundle[0],
            "query": self.bundle[1],
            "victims": {name: process.pid for name, process in self._victims.items()},
            "holder": self._holder.pid,
            "holder_address": self._holder_address,
            "holder_fd": self._holder_fd,
            "pid_of_suite": os.getpid(),
            "sysv": self._sysv,
            "queue": self._messages,
            "terminal": self._terminal,
            "mark": str(self.folder / "unpickled"),
            "out": None,
        }

    def heard(self, name: str) -> bool:
        """Whether the attack's token arrived at any listener, queue or terminal."""
        self._empty_queues()
        return any(f"<{name}>".encode() in heard for heard in self._heard)

    def changed(self, name: str) -> bool:
        """Whether anything that bears the attack's name was changed, made, or taken away."""
        after = self.fingerprint()
        return any(
            self.before.get(key) != after.get(key) for key in {*self.before, *after} if key.split(".")[0] == name
        )

    def mark(self, name: str) -> Path:
        """The folder that is made when what the attack hands over is run as code."""
        return self.folder / f"unpickled-{name}"

    def survived(self, name: str) -> bool:
        """Whether a process that the attack started is still there."""
        return bool(uids_of(f"{self.key}-{name}"))

    def fingerprint(self) -> Mapping[str, object]:
        """By name of the attack, what is there: files with their content, mode and times, and processes."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        files += Path("/dev/shm").glob(self.key + "-*")
        seen: dict[str, object] = {path.name.rpartition("-")[2]: file_as_it_is(path) for path in files}
        seen |= {name: process_as_it_is(process) for name, process in self._victims.items()}
        seen["sysv_semaphore"] = kernel.call("semctl", self._semaphore, 0, 12, 0)
        seen["sysv_memory"] = ctypes.string_at(self._segment, 64)
        return seen

    def _make_files(self) -> None:
        write_bundle(self.folder)
        for name in ("run", "outside", "site-packages", "site-packages/__pycache__"):
            (self.folder / name).mkdir()
        untouched = [f"outside/{name}.txt" for name in ("outside", "hard_link")]
        untouched += [f"data/{name}.npy" for name in DATA] + ["query/query.npy"]
        untouched += ["site-packages/package.py", "site-packages/__pycache__/pycache.pyc"]
        for name in untouched:
            (self.folder / name).write_text("# untouched\n")
        (self.folder / "run" / "labels.npy").write_text(f"{self.marker} labels")
        (self.folder / "run" / f"{self.marker}.txt").touch()
        open_to_all(self.folder)
        for path in (self.folder, *self.folder.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)

    def _make_processes(self, made: contextlib.ExitStack) -> None:
        """Victims, each in a session of its own, and a process that holds secrets everywhere a process can."""
        sleeping = ["/bin/sleep", "600"]
        self._victims = {name: subprocess.Popen(sleeping, start_new_session=True) for name in VICTIMS}
        self._holder = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", HOLDER, f"{self.marker} argument"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder / "run",
            env={"API_KEY": f"{self.marker} key"},
            start_new_session=True,
        )
        for process in (*self._victims.values(), self._holder):
            made.callback(end, process)
        assert self._holder.stdout is not None
        self._holder_address, self._holder_fd = map(int, self._holder.stdout.readline().split())
        self._holder.stdout.close()

    def _make_listeners(self, made: contextlib.ExitStack) -> None:
        self._tcp = made.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.hidden = made.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._udp = made.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._udp.bind(("127.0.0.1", 0))
        abstract, path = (made.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        abstract.bind("\0" + self.key)
        path.bind(str(self.folder / "socket"))
        datagrams = made.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagrams.bind(str(self.folder / "datagram"))
        for name in ("socket", "datagram"):
            (self.folder / name).chmod(0o666)
        for listener in (abstract, path):
            listener.listen()
        ear = threading.Thread(target=self._listen, args=((self._tcp, abstract, path), (self._udp, datagrams)))
        ear.start()
        made.callback(ear.join)
        made.callback(self._over.set)

    def _listen(self, streams: tuple[socket.socket, ...], datagrams: tuple[socket.socket, ...]) -> None:
        with selectors.DefaultSelector() as ready, contextlib.ExitStack() as accepted:
            for own in (*streams, *datagrams):
                own.setblocking(False)
                ready.register(own, selectors.EVENT_READ)
            while not self._over.is_set():
                for key, _ in ready.select(0.05):
                    if key.fileobj in streams:
                        connection, _ = key.fileobj.accept()
                        ready.register(accepted.enter_context(connection), selectors.EVENT_READ)
                    elif heard := key.fileobj.recv(4096):
                        self._heard.append(heard)
                    else:
                        ready.unregister(key.fileobj)

    def _make_queues(self, made: contextlib.ExitStack) -> None:
        """SysV memory, messages and a semaphore under one key, and a POSIX queue, for anybody to use."""
        self._sysv = secrets.randbelow(1 << 30) + 1
        segment = kernel.call("shmget", self._sysv, 4096, 0o1666)
        made.callback(kernel.libc.shmctl, segment, 0, None)
        kernel.libc.shmat.restype = ctypes.c_void_p
        self._segment = kernel.libc.shmat(segment, None, 0)
        made.callback(kernel.libc.shmdt, ctypes.c_void_p(self._segment))
        self._messages = kernel.call("msgget", self._sysv, 0o1666)
        made.callback(kernel.libc.msgctl, self._messages, 0, None)
        self._semaphore = kernel.call("semget", self._sysv, 1, 0o1666)
        made.callback(kernel.call, "semctl", self._semaphore, 0, 0, 0)
        limits = ctypes.create_string_buffer(struct.pack("=8q", 0, 8, 256, 0, 0, 0, 0, 0))
        umask = os.umask(0)
        flags = os.O_CREAT | os.O_RDWR | os.O_NONBLOCK
        self._queue = kernel.call("mq_open", self.key.encode(), flags, 0o666, limits)
        os.umask(umask)
        made.callback(kernel.call, "mq_unlink", self.key.encode())
        made.callback(os.close, self._queue)
        shared = Path(f"/dev/shm/{self.key}-shared_file")
        shared.write_text("untouched")
        shared.chmod(0o666)
        made.callback(self._sweep_shared_memory)

    def _sweep_shared_memory(self) -> None:
        for path in Path("/dev/shm").glob(f"{self.key}-*"):
            path.unlink()

    def _make_terminal(self, made: contextlib.ExitStack) -> None:
        self._watching, self._typed = os.openpty()
        for end_of_it in (self._watching, self._typed):
            made.callback(os.close, end_of_it)
            os.set_blocking(end_of_it, False)
        tty.setraw(self._typed, termios.TCSANOW)
        self._terminal = os.ttyname(self._typed)
        os.chmod(self._terminal, 0o666)  # noqa: PTH101

    def _make_key(self) -> None:
        """A secret in a session keyring of this pass, which everything that is started inherits."""
        kernel.call("keyctl", 1, None)
        kernel.call("add_key", b"user", self.key.encode(), self.marker.encode(), len(self.marker), -3)

    def _empty_queues(self) -> None:
        """Keep what came into the queues and the terminal, for that can be read only once."""
        message = ctypes.create_string_buffer(512)
        readers = (
            lambda: kernel.call("msgrcv", self._messages, message, 256, 0, 0o4000) and message.raw,
            lambda: kernel.call("mq_timedreceive", self._queue, message, 512, None, None) and message.raw,
            lambda: os.read(self._watching, 512),
            lambda: os.read(self._typed, 512),
        )
        for read in readers:
            with contextlib.suppress(OSError):
                while heard := read():
                    self._heard.append(heard)


def end(process: "subprocess.Popen[Any]") -> None:
    process.kill()
    process.wait()


def file_as_it_is(path: Path) -> object:
    try:
        status = path.stat()
        attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
        content = path.read_bytes()
    except FileNotFoundError:
        return "gone"
    owner = status.st_uid, status.st_gid
    return path.name, status.st_mode, status.st_nlink, owner, status.st_mtime_ns, content, attributes


def process_as_it_is(process: "subprocess.Popen[Any]") -> object:
    """Whether it lives, its state, its priority and its limits."""
    if process.poll() is not None:
        return "gone"
    folder = Path(f"/proc/{process.pid}")
    state, *fields = (folder / "stat").read_text().rpartition(")")[2].split()
    limits = (folder / "limits").read_text(), (folder / "oom_score_adj").read_text()
    return state in "Tt", fields[15], limits


def handle_of(path: Path) -> str:
    """The kernel's handle of a file, by which `open_by_handle_at` opens it past all mounts; hex."""
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    kernel.call("name_to_handle_at", -100, str(path).encode(), handle, ctypes.byref(ctypes.c_int()), 0)
    return handle.raw.hex()
