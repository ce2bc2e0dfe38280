"""One job's talk with its sandbox, from the job's descriptors to the last status; nothing said is believed.

A status only moves this side's own clock and makes it look at files; results are copied through a folder handle
that was taken before any candidate code ran. Statuses out of turn are ignored, a flood of them ends the job.
"""

import fcntl
import math
import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autorec.domain.errors import MalformedPredictions
from autorec.domain.job import MEBIBYTE, Job, JobKind, Limits, Snapshot
from autorec.execution.ending import Cause
from autorec.execution.log import CappedLog
from autorec.execution.process import Sandbox, close_all
from autorec.execution.results import read_result
from autorec.ports import Observe
from autorec.schemas.wire import Ack, JobMessage, RlimitMessage, Status, answer_name, state_name

POLL_S = 0.05
CHUNK_BYTES = 1 << 16
MAX_MESSAGES = 1000
MEMORY_BACKSTOP_BYTES = 512 * MEBIBYTE
HEADER_BYTES = 1 * MEBIBYTE
"""What a file of states may hold besides the tensors: their names and shapes."""


class Stopwatch:
    """Seconds of training as seen from here: it runs from *started* to the end, but not during validations."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since: float | None = None
        self._kept_s = 0.0

    def go(self) -> None:
        if self._since is None:
            self._since = self._now()

    def pause(self) -> None:
        self._kept_s, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        return self._kept_s + (self._now() - self._since if self._since is not None else 0.0)


class Conversation:
    """Sends one job to a ready sandbox and follows it to its end. For one thread.

    `nearly_over` is called once, some `lead_s` seconds before the end as far as that can be seen.
    """

    def __init__(
        self, sandbox: Sandbox, job: Job, observe: Observe, *, lead_s: float, nearly_over: Callable[[], None]
    ) -> None:
        self._sandbox = sandbox
        self._job = job
        self._observe = observe
        self._lead_s = lead_s
        self._nearly_over: Callable[[], None] | None = nearly_over
        self._work: int | None = None
        self._log_end = -1
        self._messages = 0
        self._predicting_since: float | None = None
        self._answer: tuple[bytes, float] | None = None
        self._predicted_s = 0.0
        self._stop_by: float | None = None
        self.log = CappedLog(job.limits.output_bytes)
        self.training = Stopwatch()
        self.checkpoints = 0
        self.asked_to_stop = False
        self.finished = False
        self.fault = ""

    def begin(self) -> None:
        """Hand the job over."""
        self._log_end, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writer, True)
        kept = [memory_file("state", self._job.state)] if self._job.state is not None else []
        handed_over = [memory_file("candidate", self._job.candidate.to_bytes()), writer, *kept]
        try:
            self._sandbox.send(job_message(self._job), handed_over)
        finally:
            close_all(handed_over)

    def follow(self) -> None:
        """Block until the sandbox has ended, by itself or because it was killed."""
        try:
            self._loop()
            self._read_log()
        finally:
            close_all([end for end in (self._log_end, self._work) if end is not None])

    def _loop(self) -> None:
        poll = select.poll()
        for end in (self._sandbox.control.fileno(), self._log_end, self._sandbox.handle):
            poll.register(end, select.POLLIN)
        while True:
            ready = {end for end, _ in poll.poll(POLL_S * 1000)}
            if self._log_end in ready and not self._read_log():
                poll.unregister(self._log_end)
            if self._sandbox.control.fileno() in ready and not self._read_status():
                poll.unregister(self._sandbox.control.fileno())
            elif self._sandbox.handle in ready:
                self._announce_end()
                return
            self._enforce_training_time()

    def _read_log(self) -> bool:
        """Take what was printed since; False at the end of the pipe."""
        try:
            chunk = os.read(self._log_end, CHUNK_BYTES)
        except BlockingIOError:
            return True
        self.log.add(chunk)
        if self.log.total_bytes > self._job.limits.printed_bytes:
            self._sandbox.kill(Cause.OUTPUT)
        return bool(chunk)

    def _read_status(self) -> bool:
        """Handle one message; False when no more can come."""
        try:
            status, descriptors = self._sandbox.receive()
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        self._messages += 1
        if self._messages > MAX_MESSAGES:
            self._refuse(f"more than {MAX_MESSAGES} messages on the control socket, which belongs to the harness")
        if status is not None and status.event == "work" and self._work is None and len(descriptors) == 1:
            self._work = descriptors[0]
            return True
        close_all(descriptors)
        if status is not None:
            self._handle(status)
        return True

    def _handle(self, status: Status) -> None:
        match status.event:
            case "started":
                self.training.go()
            case "predicting" if status.index == self.checkpoints and self._predicting_since is None:
                self.training.pause()
                self._predicting_since = time.monotonic()
            case "predicted" if status.index == self.checkpoints and self._predicting_since is not None:
                self._take_answer(time.monotonic() - self._predicting_since)
            case "checkpoint" if status.index == self.checkpoints and self._predicting_since is not None:
                self._take_checkpoint(time.monotonic() - self._predicting_since)
            case "finished":
                self.finished = True

    def _take_answer(self, predict_s: float) -> None:
        """Copy the answer, once: what counts as predicting ends with what is judged, whatever is written later."""
        if self._answer is None:
            with self._refusing():
                self._answer = self._taken(answer_name(self.checkpoints), self._job.limits.answer_bytes), predict_s

    def _take_checkpoint(self, paused_s: float) -> None:
        """`paused_s` is predicting and writing the state: both stand outside of training, predicting is a cost."""
        self._take_answer(paused_s)
        answer, self._answer, self._predicting_since = self._answer, None, None
        self._predicted_s += paused_s
        if self.checkpoints >= self._job.limits.validations:
            self._refuse(f"more than {self._job.limits.validations} validations; the harness makes no more")
            return
        state = None
        with self._refusing():
            state = self._taken_state()
        if answer is None or self.fault:
            return
        snapshot = Snapshot(
            index=self.checkpoints,
            training_s=self.training_s,
            predict_s=answer[1],
            predictions=answer[0],
            state=state,
        )
        self.asked_to_stop = self._observe(snapshot) or self.asked_to_stop
        if self.asked_to_stop and self._stop_by is None:
            self._stop_by = time.monotonic() + self._job.limits.grace_s
        self.checkpoints += 1
        self._sandbox.send(Ack(ack=snapshot.index, stop=self.asked_to_stop))
        self.training.go()

    def _taken_state(self) -> bytes | None:
        if self._job.kind is not JobKind.TRAIN:
            return None
        return self._taken(state_name(self.checkpoints), self._job.limits.state_bytes + HEADER_BYTES)

    def _taken(self, name: str, max_bytes: int) -> bytes:
        if self._work is None:
            raise MalformedPredictions(f"{name} was announced before the output folder was handed over")
        return read_result(self._work, name, max_bytes)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except MalformedPredictions as error:
            self._refuse(str(error))

    def _refuse(self, fault: str) -> None:
        self.fault = self.fault or fault
        self._sandbox.kill(Cause.MALFORMED)

    def _enforce_training_time(self) -> None:
        limits = self._job.limits
        if self._stop_by is not None and time.monotonic() > self._stop_by:
            self._sandbox.kill(Cause.STOP)
        if self._job.kind is JobKind.TRAIN and self.training_s > limits.training_s + limits.grace_s:
            self._sandbox.kill(Cause.TRAINING)
        ending = self.finished or self.asked_to_stop or self._sandbox.cause is not None
        if ending or self.training_s > limits.training_s - self._lead_s:
            self._announce_end()

    def _announce_end(self) -> None:
        if self._nearly_over is not None:
            announce, self._nearly_over = self._nearly_over, None
            announce()

    @property
    def training_s(self) -> float:
        """Seconds of training, with the predicting that goes beyond its allowance: nothing is learned for free."""
        now = time.monotonic()
        predicted_s = self._predicted_s + (now - self._predicting_since if self._predicting_since is not None else 0.0)
        return self.training.seconds + max(0.0, predicted_s - self._job.limits.predicting_s)


def job_message(job: Job) -> JobMessage:
    limits = job.limits
    return JobMessage(
        kind=job.kind.value,
        seed=job.seed,
        threads=limits.threads,
        training_s=limits.training_s,
        validations=limits.validations,
        state_bytes=limits.state_bytes,
        params=dict(job.params),
        rlimits=rlimits(limits),
    )


def rlimits(limits: Limits) -> RlimitMessage:
    """The kernel's limits on each process. Memory and CPU are backstops, wider than what is watched from outside."""
    return RlimitMessage(
        cpu_s=math.ceil(limits.most_cpu_s),
        disk_bytes=limits.disk_bytes,
        inodes=limits.inodes,
        processes=limits.processes,
        open_files=limits.open_files,
        memory_bytes=limits.memory_bytes + MEMORY_BACKSTOP_BYTES,
    )


def memory_file(name: str, content: bytes) -> int:
    """A sealed file in memory: it cannot be written, grown or shrunk by whoever receives it."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor
