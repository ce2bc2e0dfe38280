"""What a learning curve looks like, in one word: from the values at each validation alone, never from the clock."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from autorec.domain.diagnosis import CurveShape
from autorec.domain.evaluation import CurvePoint, Objective

LEAST_POINTS = 2
STILL = 0.01
"""A curve whose whole range is less than this share of its best value has hardly moved."""
MUCH_BACK = 0.5
"""Falls that were made good again, as a share of the range, from which a curve goes up and down."""
LOST = 0.1
"""How far below the peak the later validations lie on average, as a share of the range, where a curve is past it."""
GAINED = 0.05
"""What the last third of the validations gained, as a share of the range, where a curve still rises."""


SAID: dict[CurveShape, str] = {
    CurveShape.SHORT: "too few validations to tell",
    CurveShape.FLAT: "hardly moved between validations",
    CurveShape.UNSTABLE: "unstable: it goes up and down",
    CurveShape.OVERFIT: "overfit: it fell after its peak",
    CurveShape.RISING: "still rising at its end: undertrained",
    CurveShape.SETTLED: "levelled off",
}


def shape_of(curve: Sequence[CurvePoint], objective: Objective) -> CurveShape:
    """The shape of a curve; whether higher or lower values are better says the objective.

    With the range from the worst to the best value as the yardstick, in this order: it hardly moved; what it lost
    and won back is half the range and more; at least two validations follow the best and lie well below it; the best
    is one of the last two and the last third gained; else it levelled off.
    """
    worths = [objective.worth(point.value) for point in curve]
    if len(worths) < LEAST_POINTS or not all(map(isfinite, worths)):
        return CurveShape.SHORT
    best = max(worths)
    peak, reach = worths.index(best), best - min(worths)
    if reach <= STILL * max(map(abs, worths)):
        return CurveShape.FLAT
    if _won_back(worths) >= MUCH_BACK * reach:
        return CurveShape.UNSTABLE
    after = worths[peak + 1 :]
    if len(after) > 1 and best - sum(after) / len(after) >= LOST * reach:
        return CurveShape.OVERFIT
    before = worths[: 2 * len(worths) // 3]
    if len(after) < 2 and best - max(before) >= GAINED * reach:
        return CurveShape.RISING
    return CurveShape.SETTLED


def _won_back(worths: Sequence[float]) -> float:
    """The sum of all falls that did not stay: falls before the peak, and rises after it."""
    peak = worths.index(max(worths))
    steps = [later - earlier for earlier, later in pairwise(worths)]
    return sum(max(0.0, -step) for step in steps[:peak]) + sum(max(0.0, step) for step in steps[peak:])
