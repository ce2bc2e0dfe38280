"""Paired evidence: by how much one recommender beats another, and how sure that is."""

import math
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from autorec.domain.errors import DataError

Values = NDArray[np.floating]
_DRAWS_BEYOND = 10
_ROWS_A_COUNT = 16
"""Drawing one binomial count takes about as long as drawing so many rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Effect a - b and its interval, in the metric's unit; positive where a is better. `level` is the corrected one."""

    effect: float
    low: float
    high: float
    level: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0.0 or self.high < 0.0


def paired_interval(
    a: Values, b: Values, *, level: float = 0.95, comparisons: int = 1, draws: int = 2000, seed: int
) -> Interval:
    """Percentile bootstrap of mean(a) - mean(b) over units, paired; crossed with seeds where there are several.

    `a` and `b` hold one metric of the same units (users, or rows) in the same order, float [q] or [seeds, q]; they may
    differ in the number of seeds. Units are drawn once for both sides, which pairs them; seeds of each side are drawn
    apart, since a seed of one side means nothing to the other (the pigeonhole bootstrap, Owen 2007). With one seed a
    side the interval speaks of these trained models, not of the method; with two or three it is still too narrow.

    The level is Bonferroni-corrected: 1 - (1 - level) / comparisons. More than `draws` are drawn where fewer than
    ten would lie beyond each end.
    """
    a, b = np.atleast_2d(a).astype(np.float64), np.atleast_2d(b).astype(np.float64)
    if a.shape[1] != b.shape[1] or a.shape[1] == 0:
        raise ValueError(f"a has {a.shape[1]} units and b {b.shape[1]}; expected the same units, at least one")
    tail = (1.0 - level) / comparisons / 2.0
    draws = max(draws, math.ceil(_DRAWS_BEYOND / tail))
    effects = _bootstrapped(a, b, draws, np.random.default_rng(seed))
    low, high = np.quantile(effects, (tail, 1.0 - tail))
    return Interval(effect=float(a.mean() - b.mean()), low=float(low), high=float(high), level=1.0 - 2.0 * tail)


def compare(a: bytes, b: bytes, comparisons: int, seed: int) -> tuple[float, float, float]:
    """Effect, low and high of two metrics by unit as the judge stored them (`Judged.per_unit`).

    Raises DataError where they are not of as many units.
    """
    ours, theirs = _values(a), _values(b)
    if ours.shape != theirs.shape:
        raise DataError(
            f"{ours.size} units on one side and {theirs.size} on the other cannot be paired; expected the same units",
            fix="compare what was judged on one reading and one split of the data",
        )
    interval = paired_interval(ours, theirs, comparisons=comparisons, seed=seed)
    return interval.effect, interval.low, interval.high


def _bootstrapped(a: Values, b: Values, draws: int, rng: np.random.Generator) -> Values:
    """Effects of `draws` resamples, float64 [draws]."""
    if len(a) == len(b) == 1:
        return _resampled_means((a - b).T, draws, rng)[:, 0]
    means = _resampled_means(np.concatenate((a, b)).T, draws, rng)
    side_a = (means[:, : len(a)] * _shares(len(a), draws, rng)).sum(axis=1)
    side_b = (means[:, len(a) :] * _shares(len(b), draws, rng)).sum(axis=1)
    effects: Values = side_a - side_b
    return effects


def _resampled_means(rows: Values, draws: int, rng: np.random.Generator) -> Values:
    """Means of n rows drawn n times with replacement from float64 [n, c]: float64 [draws, c].

    Metrics of lists take few values: then how often each value is drawn is drawn, at a cost that does not depend on n.
    Else rows are drawn one by one, but for those that are all zero, of which only the number matters.
    """
    n = len(rows)
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    if len(distinct) * _ROWS_A_COUNT <= n:
        return rng.multinomial(n, counts / n, size=draws) @ distinct / n
    moving = rows[rows.any(axis=1)]
    sizes = rng.binomial(n, len(moving) / n, size=draws)
    sums = [moving.take(rng.integers(0, len(moving), size), axis=0).sum(axis=0) for size in sizes]
    return np.stack(sums) / n


def _shares(n: int, draws: int, rng: np.random.Generator) -> Values:
    """Shares of n things among n drawn with replacement: float64 [draws, n], rows summing to 1."""
    return rng.multinomial(n, np.full(n, 1 / n), size=draws) / n


def _values(content: bytes) -> Values:
    values: Values = np.load(BytesIO(content), allow_pickle=False)
    return values
