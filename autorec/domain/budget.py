"""How a wall-clock budget is divided: search, finalists, final stage.

Before a run begins, by what a job usually takes; while it goes on, by what its own jobs have taken on this machine.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from autorec.domain.evaluation import Trained

SHARE_OF_BUDGET = 1 / 12
SHORTEST_TRAINING_S = 2.0
JOB_OVERHEAD_S = 2.5
"""Seconds that a job is expected to take besides training: start of the sandbox, prediction, judging."""
TIMES_IN_FINALS = 2
"""How often a candidate can be trained and judged after the search: as a finalist, and on the test."""
MOST_FOR_FINALS = 0.5
"""The share of a budget up to which jobs that take longer than expected add to what is kept back for the finals."""
START_UP_S = 5.0
"""Seconds until the first job: data, self-test of the sandbox, bundles."""
END_S = 3.0
"""Seconds that the command takes before its clock begins and after the last job: intervals, files of the champion."""
AMPLE, ATTEMPTS = 1.2, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePlan:
    """The training time of one candidate in seconds, and what is kept back for `finalists` and the final stage."""

    budget_s: float
    training_s: float
    workers: int
    finalists: int
    baselines: int
    slow_baselines: int

    @property
    def reserve_s(self) -> float:
        """Seconds for every finalist and, in the final stage, champion and slow baselines, each with all its training
        time, in rounds of `workers`.
        """
        finalists_s = self._takes(self.finalists, 2 * self.finalists + self.baselines)
        return finalists_s + self._takes(1 + self.slow_baselines, 2 * (1 + self.baselines))

    @property
    def least_s(self) -> float:
        """The shortest budget in which the baselines and one candidate a worker find time before the finals."""
        search_s = self._takes(self.slow_baselines + self.workers, self.baselines + self.workers)
        return START_UP_S + search_s + self.reserve_s

    @property
    def fits(self) -> bool:
        return self.least_s <= self.budget_s

    def last_start_s(self, rivals: Sequence[Trained] = (), *, hope: bool = True) -> float:
        """Seconds after the start at which the last training of the search may begin, to end before the finals.

        `rivals` are trainings of those who will be in the finals. The reserve expects `JOB_OVERHEAD_S` besides
        training of each job; what they took beyond that, as they predict slowly or the machine is busy, is kept back as
        well. There is a limit to it, so that a search is left: finals that find no time judge the kept states. Without
        `hope`, as no candidate has been judged or may be soon, no more is kept back than that takes.
        """
        beyond = [overhead_s(each) - JOB_OVERHEAD_S for each in rivals]
        once = [judging_s(each) - JOB_OVERHEAD_S for each in rivals]
        again_s = TIMES_IN_FINALS * (sum(beyond) + sum(once)) / self.workers + max(beyond, default=0.0)
        kept_s = max(self.reserve_s, min(self.reserve_s + again_s, MOST_FOR_FINALS * self.budget_s))
        if not hope:
            kept_s = min(kept_s, self._judging_s(rivals))
        job_s = min(map(overhead_s, rivals), default=JOB_OVERHEAD_S)
        return max(0.0, self.budget_s - kept_s - self.training_s - job_s)

    def _judging_s(self, rivals: Sequence[Trained]) -> float:
        """Seconds to judge one candidate on *confirm*, and with the rivals on the test, all from kept states."""
        rounds = 1 + math.ceil((1 + len(rivals)) / self.workers)
        return END_S + rounds * min(map(judging_s, rivals), default=JOB_OVERHEAD_S)

    def _takes(self, trainings: int, jobs: int) -> float:
        rounds = math.ceil(trainings / self.workers), math.ceil(jobs / self.workers)
        return rounds[0] * self.training_s + rounds[1] * JOB_OVERHEAD_S


def overhead_s(trained: Trained) -> float:
    """Seconds that training took besides the training itself, no fewer than are expected."""
    return max(JOB_OVERHEAD_S, trained.took_s - trained.usage.training_s)


def judging_s(trained: Trained) -> float:
    """Seconds that a job takes which predicts once from the kept state, where the training did at each validation."""
    others_s = sum(point.predict_s for point in trained.curve) - (trained.predict_s or 0.0)
    return max(JOB_OVERHEAD_S, overhead_s(trained) - max(0.0, others_s))


def again_s(trained: Trained) -> float:
    """Seconds in which the candidate is trained once more, and then judged in a job of its own."""
    return trained.usage.training_s + overhead_s(trained) + judging_s(trained)


def training_share(budget_s: float) -> float:
    """The training time of one candidate where none is given."""
    return max(SHORTEST_TRAINING_S, budget_s * SHARE_OF_BUDGET)


def baselines_in_time(
    names: Sequence[str], slow: Collection[str], *, budget_s: float, training_s: float, workers: int
) -> tuple[str, ...]:
    """Those of `names` that can be trained once and judged twice in a budget; `slow` ones use all of `training_s`.

    Quick ones are taken first, then in the order given.
    """
    taken: set[str] = set()
    for name in sorted(names, key=lambda each: each in slow):
        jobs = 2 * (len(taken) + 1)
        trainings = len(taken & set(slow)) + (name in slow)
        seconds = START_UP_S + math.ceil(trainings / workers) * training_s + math.ceil(jobs / workers) * JOB_OVERHEAD_S
        if seconds <= budget_s:
            taken.add(name)
    return tuple(name for name in names if name in taken)


def plan_time(
    budget_s: float,
    *,
    workers: int,
    finalists: int,
    baselines: int,
    slow_baselines: int,
    training_s: float | None = None,
) -> TimePlan:
    """Divide a budget. `slow_baselines` of the baselines use their whole training time.

    A budget too short for all finalists takes fewer, at least one.
    """
    plans = [
        TimePlan(
            budget_s=budget_s,
            training_s=training_s or training_share(budget_s),
            workers=workers,
            finalists=count,
            baselines=baselines,
            slow_baselines=slow_baselines,
        )
        for count in range(finalists, 0, -1)
    ]
    return next((each for each in plans if each.fits), plans[-1])


def enough_s(planned: Callable[[float], TimePlan], least_s: float) -> int | None:
    """Whole seconds of a budget that fits, from `least_s` on; None where none does.

    Without a training time of its own a longer budget also means longer trainings, which may never fit.
    """
    budget_s = least_s
    for _ in range(ATTEMPTS):
        budget_s = math.ceil(budget_s * AMPLE)
        if planned(budget_s).fits:
            return budget_s
    return None
