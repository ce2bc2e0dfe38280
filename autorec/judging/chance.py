"""What an answer is worth by chance: labels and lists drawn from what each user has not seen, and bounds for both."""

from dataclasses import dataclass, replace
from math import ceil, log, sqrt

import numpy as np
from numpy.typing import NDArray

from autorec.judging.ground import Ground
from autorec.judging.metrics import Lists

FALSE_ALARM = 1e-9
"""How likely a bound on chance may be passed by chance; it stands against every run that anybody makes."""
Z = 6.0
"""The same for what is normal to a good approximation: two-sided 2e-9."""
UNITS_WANTED = 10_000
MOST_DRAWS = 16

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]


def draws_for(n_units: int) -> int:
    """How many draws of labels make the bound narrow enough where there are few units."""
    return min(MOST_DRAWS, max(1, ceil(UNITS_WANTED / max(n_units, 1))))


def bernstein(n_units: int, mean: float) -> float:
    """How far the mean of independent values from 0 to 1 can be from its expectation `mean`.

    Bernstein's inequality with the variance at its most, mean (1 - mean); passed with `FALSE_ALARM`.
    """
    level, variance = log(2 / FALSE_ALARM), mean * (1 - mean)
    return (level / 3 + sqrt(level**2 / 9 + 2 * n_units * variance * level)) / n_units


def auc_deviation(n_clicks: int, n_others: int) -> float:
    """`Z` standard deviations of an area under the ROC curve whose order means nothing (Mann and Whitney 1947)."""
    return Z * sqrt((n_clicks + n_others + 1) / (12 * n_clicks * n_others))


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """What each of the ground's users has not seen: draws from it, uniformly and without repeating."""

    ground: Ground

    @property
    def counts(self) -> Int64s:
        """Items a user has not seen, int64 [q]."""
        return np.asarray(self.ground.n_items - np.diff(self.ground.seen_indptr), dtype=np.int64)

    def labels(self, rng: np.random.Generator) -> Ground:
        """The ground with as many relevant items a user, drawn from what the user has not seen."""
        owners, items = self._draw(self.ground.n_relevant, rng)
        order = np.lexsort((items, owners))
        return replace(self.ground, items=items[order].astype(np.int32))

    def lists(self, k: int, rng: np.random.Generator) -> Lists:
        """What equal scores for all items give: k unseen items a user in random order, int32 [q, k], -1 at the end."""
        owners, items = self._draw(np.minimum(k, self.counts), rng)
        order = np.lexsort((rng.random(len(owners)), owners))
        return as_lists(owners[order], items[order], len(self.counts), k)

    def _draw(self, sizes: Int64s, rng: np.random.Generator) -> tuple[Int64s, Int64s]:
        """User (a row of the ground) and item of `sizes[u]` distinct unseen items a user."""
        keys = _distinct(sizes, self.counts, rng)
        stride = int(self.counts.max()) + 1
        owners, ranks = keys // stride, keys % stride
        return owners, self._nth(owners, ranks)

    def _nth(self, owners: Int64s, ranks: Int64s) -> Int64s:
        """The item that stands at place `rank` (from 0) among a user's unseen ones, in order of code.

        Before the i-th seen item s_i stand s_i - i unseen ones: as many seen items are passed as have no more of them.
        """
        indptr, stride = self.ground.seen_indptr, self.ground.n_items + 1
        seen_by = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        before = self.ground.seen_items - (np.arange(len(seen_by)) - indptr[seen_by])
        passed = np.searchsorted(seen_by * stride + before, owners * stride + ranks, side="right") - indptr[owners]
        return np.asarray(ranks + passed)


def as_lists(owners: Int64s, items: Int64s, n_users: int, k: int) -> Lists:
    """The first k items of each user as rows; `owners` are ascending."""
    place = np.arange(len(owners)) - np.searchsorted(owners, owners)
    lists = np.full((n_users, k), -1, dtype=np.int32)
    shown = place < k
    lists[owners[shown], place[shown]] = items[shown]
    return lists


def _distinct(sizes: Int64s, limits: Int64s, rng: np.random.Generator) -> Int64s:
    """`sizes[u]` distinct numbers below `limits[u]` for each u, every set alike; keys u * (max limit + 1) + number.

    Where few are wanted of many, doubles are thrown away and drawn again; else all are shuffled and the first taken.
    """
    stride = int(limits.max()) + 1
    dense = sizes * 4 > limits
    shuffled = _shuffled(np.where(dense, sizes, 0), np.where(dense, limits, 0), stride, rng)
    wanted = np.where(dense, 0, sizes)
    keys, missing = np.empty(0, dtype=np.int64), wanted
    while missing.any():
        owners = np.repeat(np.arange(len(sizes)), missing)
        drawn = owners * stride + rng.integers(0, limits[owners])
        ordered = np.sort(np.concatenate((keys, drawn)))  # np.unique hashes, which takes ten times as long
        keys = ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
        missing = wanted - np.bincount(keys // stride, minlength=len(sizes))
    return np.sort(np.concatenate((keys, shuffled)))


def _shuffled(sizes: Int64s, limits: Int64s, stride: int, rng: np.random.Generator) -> Int64s:
    owners = np.repeat(np.arange(len(sizes)), limits)
    starts = np.concatenate(([0], np.cumsum(limits)))
    place = np.arange(len(owners)) - starts[owners]
    order = np.lexsort((rng.random(len(owners)), owners))
    return np.asarray(owners[place < sizes[owners]] * stride + place[order][place < sizes[owners]])
