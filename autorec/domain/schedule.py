"""Who is trained again in the time that is left for the finals, and in which order."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autorec.domain.budget import again_s, judging_s
from autorec.domain.evaluation import Trained
from autorec.domain.job import Stage
from autorec.domain.state import Record

QUICK_S = 1.0
"""A training of fewer seconds is quick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """What may be done for one candidate: train it again and judge it, or judge its kept state; seconds of each.

    What is `urgent` is at stake in this stage, the others are what it is compared with. What is `quick` is trained in
    next to no time: it is trained again as long as there is any.
    """

    candidate: str
    again_s: float
    kept_s: float
    urgent: bool = False
    quick: bool = False


def final_of(record: Record, search: Trained, stage: Stage, slowness: float = 1.0) -> Final:
    """What it takes by its training in the search, times `slowness`.

    A baseline is judged on *confirm* from its kept state, or not at all.
    """
    judged_s = judging_s(search) * slowness
    if record.is_baseline and stage is Stage.FINALIST:
        cost_s = 0.0 if search.cached else judged_s
        return Final(candidate=record.id, again_s=cost_s, kept_s=0.0, quick=search.cached)
    return Final(
        candidate=record.id,
        again_s=again_s(search) * slowness,
        kept_s=judged_s,
        urgent=not record.is_baseline,
        quick=search.usage.training_s < QUICK_S,
    )


def slowness_of(records: Iterable[Record]) -> float:
    """How many times longer the finals have taken so far than their trainings in the search let expect; at least 1.

    Their sandboxes are colder than those of the search, and the machine may have become busier.
    """
    expected_s = took_s = 0.0
    for record in records:
        for final in record.finals:
            if record.search is not None and final.ok and not final.cached:
                judged = final.not_retrained or (record.is_baseline and final.stage is Stage.FINALIST)
                expected_s += judging_s(record.search) if judged else again_s(record.search)
                took_s += final.took_s
    return max(1.0, took_s / expected_s) if expected_s else 1.0


def choose(waiting: Sequence[Final], time_s: float, free_in: Sequence[float]) -> tuple[Final, bool]:
    """The one to begin now, and whether it is trained again. `free_in` are the seconds until each worker is free.

    Where all fit, the longest begins, so that the stage ends early. Where they do not, who is urgent comes before the
    others and the cheaper before the dearer, as many as leave time to judge the kept states of the rest.
    """
    if makespan_s((each.again_s for each in waiting), free_in) <= time_s:
        return max(waiting, key=lambda each: each.again_s), True
    chosen = min(waiting, key=lambda each: (not each.urgent, each.again_s))
    rest = (each.kept_s for each in waiting if each is not chosen)
    fits = makespan_s((chosen.again_s, *rest), free_in) <= time_s
    return chosen, fits or (chosen.quick and time_s > 0)


def makespan_s(seconds: Iterable[float], free_in: Sequence[float]) -> float:
    """When the last job ends if the longest begin first (Graham, Bounds on multiprocessing timing anomalies, 1969)."""
    ends = list(free_in)
    heapq.heapify(ends)
    last = 0.0
    for each in sorted(seconds, reverse=True):
        last = max(last, ends[0] + each)
        heapq.heapreplace(ends, ends[0] + each)
    return last
