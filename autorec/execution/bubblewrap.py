"""The default tier: each job in a bubblewrap sandbox of its own, started for it and gone after it."""

import itertools
import os
import shutil
import stat
import threading
import time
from pathlib import Path

from autorec.domain.errors import AutorecError, IsolationError
from autorec.domain.job import Job, Outcome, Snapshot, Usage
from autorec.execution.conversation import Conversation
from autorec.execution.ending import Cause, Ending, judge_ending
from autorec.execution.mounts import Identity, Interpreter, sandbox_command
from autorec.execution.process import Sandbox
from autorec.execution.watch import TreeWatch
from autorec.ports import Observe

TIER = "bwrap"
READY_WITHIN_S = 120.0
FIRST_UID, UIDS = 64_000, 900
INSTALL = "sudo apt-get install bubblewrap (not pip: the package of that name there is another one)"


class BubblewrapExecutor:
    """Implements `ports.Executor`.

    As root, root builds the mounts and the processes inside run under a uid of their own (64000 and on), one for
    each sandbox; as an ordinary user, an unprivileged user namespace does the same. Kernel uid 0 never runs inside.
    """

    tier = TIER

    def __init__(self, *, bwrap: Path | None = None, ready_within_s: float = READY_WITHIN_S) -> None:
        """Raises IsolationError where there is no bubblewrap that may be used."""
        self._bwrap = bwrap or find_bwrap()
        self._ready_within_s = ready_within_s
        self._interpreter = Interpreter.current()
        self._uids = itertools.cycle(range(FIRST_UID, FIRST_UID + UIDS))
        self._live: set[Sandbox] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, job: Job, observe: Observe) -> Outcome:
        """Run one job; see `ports.Executor`. Raises IsolationError, and AutorecError after `close`."""
        sandbox = self._start(job)
        try:
            sandbox.wait_ready(self._ready_within_s)
            return self._follow(sandbox, job, observe)
        except IsolationError:
            self._raise_if_closed()
            raise
        finally:
            with self._lock:
                self._live.discard(sandbox)
            sandbox.close()

    def close(self) -> None:
        """Kill all that runs, at once; each blocked `run` then raises. Idempotent, from any thread."""
        with self._lock:
            self._closed = True
            for sandbox in self._live:
                sandbox.kill(Cause.CLOSED)

    def _start(self, job: Job) -> Sandbox:
        identity = Identity(drop_to=next(self._uids) if os.getuid() == 0 else None)
        command = sandbox_command(
            bwrap=self._bwrap,
            interpreter=self._interpreter,
            identity=identity,
            data_dir=Path(job.data_dir).resolve(),
            query_dir=Path(job.query_dir).resolve(),
            limits=job.limits,
        )
        with self._lock:
            if not self._closed:
                sandbox = Sandbox(command)
                self._live.add(sandbox)
                return sandbox
        raise closed()

    def _follow(self, sandbox: Sandbox, job: Job, observe: Observe) -> Outcome:
        began = time.monotonic()
        limits = job.limits
        watch = TreeWatch(sandbox.pid, memory_limit=limits.memory_bytes, wall_s=limits.wall_s, kill=sandbox.kill)

        def observe_and_sample(snapshot: Snapshot) -> bool:
            watch.sample()
            return observe(snapshot)

        talk = Conversation(sandbox, job, observe_and_sample)
        watch.start()
        try:
            talk.follow()
        finally:
            watch.end()
        cause = sandbox.cause
        exit_code = sandbox.wait()
        self._raise_if_closed()
        usage = Usage(
            wall_s=time.monotonic() - began,
            training_s=talk.training_s,
            cpu_s=watch.cpu_s,
            memory_bytes=watch.memory_bytes,
        )
        ending = Ending(
            kind=job.kind,
            limits=limits,
            exit_code=exit_code,
            cause=cause,
            fault=talk.fault,
            finished=talk.finished,
            checkpoints=talk.checkpoints,
            asked_to_stop=talk.asked_to_stop,
            log=talk.log.text(),
        )
        kind, reason = judge_ending(ending)
        return Outcome(kind=kind, reason=reason, usage=usage, tier=TIER, log=ending.log)

    def _raise_if_closed(self) -> None:
        with self._lock:
            if self._closed:
                raise closed()


def closed() -> AutorecError:
    return AutorecError("the executor is closed; its jobs were killed and have no outcome", fix="open another executor")


def find_bwrap() -> Path:
    """The system's bubblewrap. Raises IsolationError where it is missing or setuid."""
    found = shutil.which("bwrap")
    if found is None:
        raise IsolationError("bubblewrap is not installed: there is no bwrap on PATH", fix=INSTALL)
    bwrap = Path(found).resolve()
    if bwrap.stat().st_mode & stat.S_ISUID:
        raise IsolationError(f"{bwrap} is setuid root, which widens what a candidate can attack",
                             fix=f"sudo chmod u-s {bwrap}")  # fmt: skip
    return bwrap
