"""An executor of a person's own: it bears its name in every outcome, and is attacked before it is believed."""

from dataclasses import replace

from autorec.domain.errors import IsolationError, UsageError
from autorec.domain.job import Job, Outcome
from autorec.execution.canaries import fly
from autorec.ports import Executor, Observe


class Branded:
    """Implements `ports.Executor` over another one; whatever tier that one names, outcomes bear `tier`."""

    def __init__(self, inner: Executor, tier: str) -> None:
        self._inner = inner
        self.tier = tier

    def run(self, job: Job, observe: Observe) -> Outcome:
        """Handed on. Raises UsageError when what comes back is no outcome."""
        outcome = self._inner.run(job, observe)
        if not isinstance(outcome, Outcome):
            raise UsageError(
                f"executor: {self.tier} gave a {type(outcome).__name__} for a job; expected an Outcome",
                fix="return autorec.domain.job.Outcome, as ports.Executor says",
            )
        return replace(outcome, tier=self.tier)

    def close(self) -> None:
        """Handed on."""
        self._inner.close()


def prove(executor: Branded) -> None:
    """Fly the canaries that a built-in tier has to pass. Takes about two seconds.

    Raises IsolationError where one does not hold: what is trained without isolation can read the labels that it is
    judged on, so nothing is.
    """
    canaries, said = fly(executor)
    if failed := [name for name, held in canaries.items() if not held]:
        raise IsolationError(
            f"executor: {executor.tier} does not isolate candidates; canaries that did not hold: {', '.join(failed)}. "
            f"It said: {said or 'nothing'}",
            fix="run jobs through the built-in executor that it is handed, or leave `executor` out",
        )
