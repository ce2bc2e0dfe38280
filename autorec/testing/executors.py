"""An instant executor for tests: a function decides what a job would have handed over, nothing is run."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autorec.domain.errors import AutorecError
from autorec.domain.job import Job, JobKind, Outcome, OutcomeKind, Snapshot, Usage
from autorec.ports import Observe

TIER = "scripted"
SECONDS_A_CHECKPOINT = 1.0
PREDICT_S = 0.01
MEMORY_BYTES = 1 << 20
FINISHED = Outcome(
    kind=OutcomeKind.COMPLETED, reason="finished", usage=Usage(wall_s=1.0, memory_bytes=MEMORY_BYTES), tier=TIER
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What one job does: the snapshots it hands over, in order, and how it ends when nobody stops it."""

    snapshots: tuple[Snapshot, ...] = ()
    outcome: Outcome = FINISHED


class ScriptedExecutor:
    """Implements `ports.Executor` deterministically. `jobs` holds every job that was run, in order of arrival."""

    def __init__(self, script: Callable[[Job], Script]) -> None:
        self._script = script
        self._lock = threading.Lock()
        self._closed = False
        self.jobs: list[Job] = []

    def run(self, job: Job, observe: Observe) -> Outcome:
        """Play the script. Raises AutorecError after `close`, and what the script raises."""
        with self._lock:
            if self._closed:
                raise AutorecError("the executor is closed", fix="open another executor")
            self.jobs.append(job)
        script = self._script(job)
        for snapshot in script.snapshots:
            if observe(snapshot):
                usage = Usage(wall_s=snapshot.training_s, training_s=snapshot.training_s, memory_bytes=MEMORY_BYTES)
                return Outcome(kind=OutcomeKind.COMPLETED, reason="stopped as asked", usage=usage, tier=TIER)
        return script.outcome

    def close(self) -> None:
        """Refuse jobs from now on."""
        with self._lock:
            self._closed = True


def hands_over(predictions: Sequence[bytes], *, kind: JobKind = JobKind.TRAIN, state: bytes = b"state") -> Script:
    """A job that completes after one checkpoint for each of `predictions`, a second of training apart."""
    snapshots = tuple(
        Snapshot(
            index=index,
            training_s=SECONDS_A_CHECKPOINT * (index + 1),
            predict_s=PREDICT_S,
            predictions=content,
            state=state if kind is JobKind.TRAIN else None,
        )
        for index, content in enumerate(predictions)
    )
    seconds = SECONDS_A_CHECKPOINT * len(snapshots)
    usage = Usage(wall_s=seconds, training_s=seconds, cpu_s=seconds, memory_bytes=MEMORY_BYTES)
    outcome = Outcome(kind=OutcomeKind.COMPLETED, reason="finished", usage=usage, tier=TIER)
    return Script(snapshots=snapshots, outcome=outcome)


def fails(kind: OutcomeKind, reason: str = "as the script says") -> Script:
    """A job that ends so, without a single checkpoint."""
    return Script(outcome=Outcome(kind=kind, reason=reason, usage=Usage(wall_s=1.0), tier=TIER, log=reason))
