"""How a wall-clock budget is divided: search, finalists, final stage."""

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
MOST_FOR_SLOW = 0.25
"""The largest share of a budget that is kept back for slow predictors."""
START_UP_S = 5.0
"""Seconds until the first job: data, self-test of the sandbox, bundles."""
AMPLE, ATTEMPTS = 1.2, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePlan:
    """Seconds: the training time of one candidate, and what is kept back for `finalists` and the final stage.

    `least_s` is the shortest budget in which the baselines and one candidate a worker find time before the finals.
    """

    budget_s: float
    training_s: float
    reserve_s: float
    least_s: float
    finalists: int
    workers: int

    @property
    def fits(self) -> bool:
        return self.least_s <= self.budget_s

    def last_start_s(self, rivals: Sequence[Trained] = ()) -> float:
        """Seconds after the start at which the last training of the search may begin, to end before the reserve.

        `rivals` are trainings of those who will be in the finals. The reserve expects `JOB_OVERHEAD_S` besides
        training of each job; what slow predictors take beyond that is kept back as well. A training predicts at each
        validation and will take as long again; the job that judges it predicts once. There is a limit to it, so that a
        search is left: finals that find no time judge the kept states.
        """
        beyond = [overhead_s(each) - JOB_OVERHEAD_S for each in rivals]
        once = [min(s, each.predict_s or 0.0) for s, each in zip(beyond, rivals, strict=True)]
        again_s = TIMES_IN_FINALS * (sum(beyond) + sum(once)) / self.workers + max(beyond, default=0.0)
        kept_s = self.reserve_s + min(again_s, MOST_FOR_SLOW * self.budget_s)
        return max(0.0, self.budget_s - kept_s - self.training_s - JOB_OVERHEAD_S)


def overhead_s(trained: Trained) -> float:
    """Seconds that a job took besides training, no fewer than are expected of one."""
    return max(JOB_OVERHEAD_S, trained.usage.wall_s - trained.usage.training_s)


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

    The reserve holds every finalist and, in the final stage, the champion and the slow baselines, each with its full
    training time, in rounds of `workers`. A budget too short for all finalists takes fewer, at least one.
    """
    training = training_s or training_share(budget_s)

    def takes(trainings: int, jobs: int) -> float:
        return math.ceil(trainings / workers) * training + math.ceil(jobs / workers) * JOB_OVERHEAD_S

    def plan(count: int) -> TimePlan:
        search = START_UP_S + takes(slow_baselines + workers, baselines + workers)
        reserve = takes(count, 2 * count + baselines) + takes(1 + slow_baselines, 2 * (1 + baselines))
        return TimePlan(
            budget_s=budget_s,
            training_s=training,
            reserve_s=reserve,
            least_s=search + reserve,
            finalists=count,
            workers=workers,
        )

    plans = [plan(count) for count in range(finalists, 0, -1)]
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
