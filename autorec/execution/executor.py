"""Runs jobs in sandboxes of one tier: a spare is taken, given its job, followed to its end and thrown away."""

import os
import threading
import time
from contextlib import ExitStack

from autorec.domain.errors import IsolationError
from autorec.domain.job import Job, Outcome, Snapshot, Usage
from autorec.execution.cgroup import Group, Groups
from autorec.execution.conversation import Conversation
from autorec.execution.disk import DiskLook
from autorec.execution.ending import Cause, Ending, judge_ending
from autorec.execution.ground import Ground, Tier
from autorec.execution.pool import READY_WITHIN_S, WarmPool, pool_closed
from autorec.execution.process import Sandbox
from autorec.execution.watch import TreeWatch, tree
from autorec.ports import Observe

LEAD = 2.5
"""A spare is begun so many times its usual start before the end of the job ahead of it: it starts, and then imports
what only optimizers need, which takes about as long; a job that comes in the middle of that waits for its end."""


class SandboxExecutor:
    """Implements `ports.Executor`. At most `spares` sandboxes are kept warm, on the grounds that jobs had lately.

    With `groups`, closed with the executor, the kernel limits each tree; the watch does in any case.
    """

    def __init__(
        self, tier: Tier, *, spares: int = 0, groups: Groups | None = None, ready_within_s: float = READY_WITHIN_S
    ) -> None:
        self.tier = tier.name
        self.pool = WarmPool(tier, size=spares, ready_within_s=ready_within_s)
        self._groups = groups
        self._spares = spares
        self._live: set[Sandbox] = set()
        self._lock = threading.Lock()
        self._closed = False

    def run(self, job: Job, observe: Observe) -> Outcome:
        """Run one job; see `ports.Executor`. Raises IsolationError, and AutorecError after `close`."""
        with ExitStack() as stack:
            sandbox = self._take(job, stack)
            try:
                return self._follow(sandbox, self._group_around(sandbox, job, stack), job, observe)
            except IsolationError:
                self._raise_if_closed()
                raise

    def close(self) -> None:
        """Kill all that runs, at once; each blocked `run` then raises. Idempotent, from any thread."""
        with self._lock:
            self._closed = True
            for sandbox in self._live:
                sandbox.kill(Cause.CLOSED)
        self.pool.close()
        if self._groups is not None:
            self._groups.close()

    def _take(self, job: Job, stack: ExitStack) -> Sandbox:
        """A ready sandbox that is closed with the stack."""
        sandbox = self.pool.take(Ground.of(job))
        stack.callback(self._put_away, sandbox)
        with self._lock:
            if not self._closed:
                self._live.add(sandbox)
                return sandbox
        raise pool_closed()

    def _put_away(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._live.discard(sandbox)
        sandbox.close()

    def _group_around(self, sandbox: Sandbox, job: Job, stack: ExitStack) -> Group | None:
        """Files in memory count here, so the limits on them are added."""
        if self._groups is None:
            return None
        limits = job.limits
        try:
            group = self._groups.around(
                tree(sandbox.pid), memory_bytes=limits.memory_bytes + 2 * limits.disk_bytes, processes=limits.processes
            )
        except OSError as error:
            raise IsolationError(
                f"cannot limit the sandbox by its cgroup: {error}", fix="run autorec doctor"
            ) from error
        stack.callback(group.remove)
        stack.callback(self._put_away, sandbox)  # before the group goes
        stack.callback(group.kill)
        return group

    def _follow(self, sandbox: Sandbox, group: Group | None, job: Job, observe: Observe) -> Outcome:
        began = time.monotonic()

        def observe_and_sample(snapshot: Snapshot) -> bool:
            watch.sample()
            return observe(snapshot)

        talk = Conversation(
            sandbox,
            job,
            observe_and_sample,
            lead_s=self._lead_s(job),
            nearly_over=lambda: self.pool.expect(Ground.of(job)),
        )
        disk = DiskLook(sandbox.folder, job.limits) if sandbox.folder is not None else None
        watch = TreeWatch(sandbox.root, job.limits, kill=sandbox.kill, group=group, disk=disk)
        talk.begin()
        watch.start()
        try:
            talk.follow()
        finally:
            watch.end()
        cause = sandbox.cause
        exit_code = sandbox.wait()
        self._raise_if_closed()
        return self._outcome(job, talk, watch, cause, exit_code, time.monotonic() - began)

    def _outcome(
        self, job: Job, talk: Conversation, watch: TreeWatch, cause: Cause | None, exit_code: int, wall_s: float
    ) -> Outcome:
        ending = Ending(
            kind=job.kind,
            limits=job.limits,
            exit_code=exit_code,
            cause=cause,
            fault=talk.fault,
            finished=talk.finished,
            checkpoints=talk.checkpoints,
            asked_to_stop=talk.asked_to_stop,
            log=talk.log.text(),
        )
        kind, reason = judge_ending(ending)
        usage = Usage(wall_s=wall_s, training_s=talk.training_s, cpu_s=watch.cpu_s, memory_bytes=watch.memory_bytes)
        return Outcome(kind=kind, reason=reason, usage=usage, tier=self.tier, log=ending.log)

    def _lead_s(self, job: Job) -> float:
        """How long before the end of a job the next start begins: at once where a core is idle anyway."""
        idle_cores = len(os.sched_getaffinity(0)) - self._spares * job.limits.threads
        return float("inf") if idle_cores > 0 else LEAD * self.pool.start_s

    def _raise_if_closed(self) -> None:
        with self._lock:
            if self._closed:
                raise pool_closed()
