"""Paired evidence: by how much one recommender beats another, and how sure that is."""

import math
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from autorec.domain.errors import DataError

Values = NDArray[np.floating]
_CELLS = 1 << 21
_DRAWS_BEYOND = 10


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
    """Effects of `draws` resamples, float64 [draws]; a slice at a time, to bound memory."""
    at_once = max(1, _CELLS // a.shape[1])
    slices = [min(at_once, draws - start) for start in range(0, draws, at_once)]
    return np.concatenate([_effects(a, b, n_draws, rng) for n_draws in slices])


def _effects(a: Values, b: Values, n_draws: int, rng: np.random.Generator) -> Values:
    weights = _resampled(a.shape[1], n_draws, rng)
    side_a = (weights @ a.T * _resampled(len(a), n_draws, rng)).sum(axis=1)
    side_b = (weights @ b.T * _resampled(len(b), n_draws, rng)).sum(axis=1)
    effects: Values = side_a - side_b
    return effects


def _resampled(n: int, n_draws: int, rng: np.random.Generator) -> Values:
    """Weights of n things drawn n times with replacement: float64 [n_draws, n], rows summing to 1."""
    drawn = rng.integers(0, n, size=(n_draws, n)) + n * np.arange(n_draws)[:, np.newaxis]
    counts = np.bincount(drawn.ravel(), minlength=n * n_draws)
    return counts.reshape(n_draws, n) / n


def _values(content: bytes) -> Values:
    values: Values = np.load(BytesIO(content), allow_pickle=False)
    return values
