"""One sandbox as a process: started, spoken to over its control socket, killed with all that it started."""

import array
import os
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from autorec.domain.errors import IsolationError
from autorec.execution.ending import SIGNAL_EXIT, Cause
from autorec.execution.hold import Hold
from autorec.execution.log import printable
from autorec.schemas.wire import MESSAGE_BYTES, Message, Status

MAX_DESCRIPTORS = 4
STARTUP_BYTES = 1 << 14
GONE_WITHIN_S = 10.0
NOTHING: Mapping[str, str] = {}


class Sandbox:
    """A started sandbox, used for one job. May be started ahead; the thread that starts it must outlive it.

    What is started dies with the thread that started it, and all that is inside dies with it (`hold` says how).
    `cleanup` is called once, when nothing of it lives any more. `folder` is the job's where it lies on the machine's
    disk, so that nothing but a look bounds what is written there.
    """

    def __init__(
        self,
        command: Sequence[str],
        hold: Callable[[int, int], Hold],
        cleanup: Callable[[], None] = lambda: None,
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] = NOTHING,
    ) -> None:
        """Start it. Raises IsolationError when the command cannot be started at all."""
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._startup: IO[bytes] = os.fdopen(os.memfd_create("startup"), "rb")
        try:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=self._startup,
                stderr=self._startup,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            self._abandon(cleanup)
            raise IsolationError(f"cannot start {command[0]}: {error}", fix="run autorec doctor") from error
        finally:
            theirs.close()
        try:
            self._handle = os.pidfd_open(self._process.pid)
        except OSError:
            self._process.kill()
            self._process.wait()
            self._abandon(cleanup)
            raise
        self._hold = hold(self.pid, self._handle)
        self._cleanup = cleanup
        self.folder = folder
        self._lock = threading.Lock()
        self.cause: Cause | None = None

    def _abandon(self, cleanup: Callable[[], None]) -> None:
        self.control.close()
        self._startup.close()
        cleanup()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def root(self) -> int:
        """The process from which all others of the sandbox descend."""
        return self._hold.root

    @property
    def handle(self) -> int:
        """A descriptor that becomes readable when the started process has ended."""
        return self._handle

    @property
    def alive(self) -> bool:
        """Whether the started process is still there."""
        return self._handle >= 0 and not _readable(self._handle)

    @property
    def has_spoken(self) -> bool:
        """Whether a message, or the end of all messages, is waiting."""
        return _readable(self.control.fileno())

    def greet(self, timeout_s: float) -> None:
        """Take the runner's word that it is ready.

        Raises IsolationError, with what it said instead in the `timeout_s` that it had.
        """
        with self._lock:
            held = self._hold.take()
        if not (held and self.has_spoken and self._said_ready()):
            failure = self._startup_failure(timeout_s)
            self.kill(Cause.CLOSED)
            raise IsolationError(failure, fix="run autorec doctor")

    def _said_ready(self) -> bool:
        try:
            status, descriptors = self.receive()
        except ConnectionError:
            return False
        close_all(descriptors)
        return status is not None and status.event == "ready"

    def _startup_failure(self, timeout_s: float) -> str:
        self._startup.seek(0)
        said = printable(self._startup.read(STARTUP_BYTES)).strip()
        how = f"was not ready within {timeout_s:g} s" if self.alive else "ended before it was ready"
        return f"the sandbox {how}; it said: {said or 'nothing'}"

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send without waiting; a sandbox that is gone, or does not read, is noticed elsewhere.

        Raises ValueError when the message is longer than the wire allows.
        """
        content = message.model_dump_json().encode()
        if len(content) > MESSAGE_BYTES:
            raise ValueError(f"a message of {len(content)} bytes; the wire takes {MESSAGE_BYTES} at most")
        try:
            socket.send_fds(self.control, [content], list(descriptors), socket.MSG_DONTWAIT)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return

    def receive(self) -> tuple[Status | None, tuple[int, ...]]:
        """The next message, without waiting; None where it is not one of the wire's. The caller owns descriptors.

        Raises ConnectionError when the other end is closed, BlockingIOError when nothing is there.
        """
        room = socket.CMSG_SPACE(MAX_DESCRIPTORS * array.array("i").itemsize)
        flags = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
        content, ancillary, _, _ = self.control.recvmsg(MESSAGE_BYTES, room, flags)
        descriptors = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(payload[: len(payload) - len(payload) % descriptors.itemsize])
        if not content:
            close_all(descriptors)
            raise ConnectionError("the sandbox closed its end of the control socket")
        try:
            return Status.model_validate_json(content), tuple(descriptors)
        except ValidationError:
            return None, tuple(descriptors)

    def kill(self, cause: Cause) -> None:
        """Kill the whole tree; the first cause is kept. Safe from any thread, at any time before `close`."""
        with self._lock:
            if self._handle < 0:
                return
            self.cause = self.cause or cause
            self._hold.kill()

    def _await_end(self) -> None:
        """Until the started process has ended; it stays to be reaped, so that its number stays its own."""
        if self._process.returncode is None:
            os.waitid(os.P_PIDFD, self._handle, os.WEXITED | os.WNOWAIT)

    def wait(self) -> int:
        """The exit code (128 + signal), once every process inside is gone.

        Raises IsolationError when a process survives the kill.
        """
        self._await_end()
        if not self._hold.gone(GONE_WITHIN_S):
            raise IsolationError(f"a process of sandbox {self.pid} was still there {GONE_WITHIN_S:g} s after its kill")
        code = self._process.wait()
        return SIGNAL_EXIT - code if code < 0 else code

    def close(self) -> None:
        """Kill what is left and give back what was taken. Idempotent."""
        self.kill(Cause.CLOSED)
        with self._lock:
            if self._handle < 0:
                return
            if self._process.returncode is None:
                self._await_end()
                self._hold.gone(GONE_WITHIN_S)
                self._process.wait()
            self._hold.close()
            os.close(self._handle)
            self._handle = -1
        self._abandon(self._cleanup)


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
