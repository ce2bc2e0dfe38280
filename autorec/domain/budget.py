"""How a wall-clock budget is divided: search, finalists, final stage."""

import math
from dataclasses import dataclass

SHARE_OF_BUDGET = 1 / 12
SHORTEST_TRAINING_S = 2.0
JOB_OVERHEAD_S = 2.5
"""Seconds that a job takes besides training: start of the sandbox, prediction, judging."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePlan:
    """Seconds: the training time of one candidate, and what is kept back for finalists and the final stage."""

    budget_s: float
    training_s: float
    reserve_s: float

    @property
    def last_start_s(self) -> float:
        """Seconds after the start at which the last training of the search may begin, to end before the reserve."""
        return max(0.0, self.budget_s - self.reserve_s - self.training_s - JOB_OVERHEAD_S)


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
    training time, in rounds of `workers`.
    """
    training = training_s or max(SHORTEST_TRAINING_S, budget_s * SHARE_OF_BUDGET)
    rounds = math.ceil(finalists / workers) + math.ceil((1 + slow_baselines) / workers)
    jobs = 2 * finalists + baselines + 2 * (1 + baselines)
    reserve = rounds * training + math.ceil(jobs / workers) * JOB_OVERHEAD_S
    return TimePlan(budget_s=budget_s, training_s=training, reserve_s=min(reserve, 0.6 * budget_s))
