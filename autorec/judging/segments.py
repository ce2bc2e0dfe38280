"""Things in groups: users by what is known of them, items by how often they were seen, rows by the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autorec.domain.diagnosis import METRIC_DECIMALS, Gain, Segment

LEAST = 20
"""Fewer units tell nothing apart."""
ERRORS = 2.0
NONE = -1
"""The code of what belongs to no segment."""

Codes = NDArray[np.int64]
Values = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grouping:
    """What n things are called: the i-th is `names[codes[i]]`, int64 [n]; `spans` say what is in each segment.

    `measure` is what is averaged; `sign` is 1 where more of it is better, else -1. `owners`, int64 [n] from 0: whose
    each thing is, as those of one owner gain and lose together; None where each stands for itself.
    """

    group: str
    names: tuple[str, ...]
    spans: tuple[str, ...]
    codes: Codes
    measure: str
    sign: int = 1
    owners: Codes | None = None

    def segments(self, values: Values) -> tuple[Segment, ...]:
        """The mean of `values`, float [n], in each segment that holds anything."""
        counts, sums = self._counted(), self._summed(values)
        return tuple(
            Segment(
                group=self.group,
                name=self.names[code],
                span=self.spans[code],
                n=int(counts[code]),
                measure=self.measure,
                value=round(float(sums[code] / counts[code]), METRIC_DECIMALS),
            )
            for code in np.flatnonzero(counts)
        )

    def gains(self, differences: Values) -> tuple[Gain, ...]:
        """The mean of paired `differences`, ours - theirs, float [n], in each segment; positive is better."""
        counts = self._counted()
        means = self._summed(differences) / np.maximum(counts, 1)
        n_owners, squares = self._spread(differences - means[self.codes])
        errors = np.sqrt(squares) / np.maximum(counts, 1)
        return tuple(
            Gain(
                group=self.group,
                name=self.names[code],
                difference=round(self.sign * float(means[code]), METRIC_DECIMALS) + 0.0,
                clear=bool(n_owners[code] >= LEAST and abs(means[code]) > ERRORS * errors[code]),
            )
            for code in np.flatnonzero(counts)
        )

    def _spread(self, rests: Values) -> tuple[Codes, Values]:
        """How many owners have a part in each segment, and the sum of the squares of what their `rests` add up to.

        With the rests from the mean that is the variance of a sum over owners drawn anew (Liang and Zeger 1986).
        """
        if self.owners is None:
            return self._counted(), self._summed(np.square(rests))
        inside, n = self.codes != NONE, len(self.names)
        cells = (self.owners * n + self.codes)[inside]
        size = n * (int(self.owners.max(initial=-1)) + 1)
        sums = np.bincount(cells, weights=rests[inside], minlength=size).reshape(-1, n)
        held = np.bincount(cells, minlength=size).reshape(-1, n) > 0
        return np.count_nonzero(held, axis=0), np.square(sums).sum(axis=0)

    def _counted(self) -> Codes:
        return np.asarray(np.bincount(self.codes + 1, minlength=len(self.names) + 1)[1:], dtype=np.int64)

    def _summed(self, values: Values) -> Values:
        return np.asarray(
            np.bincount(self.codes + 1, weights=values, minlength=len(self.names) + 1)[1:], dtype=np.float64
        )


def in_thirds(counts: Codes) -> Codes:
    """0, 1 or 2 for each of n counts: the lowest third, the middle, the highest. Equal counts stand together."""
    if not len(counts):
        return np.zeros(0, dtype=np.int64)
    low, high = np.quantile(counts, (1 / 3, 2 / 3), method="lower")
    return np.asarray((counts > low).astype(np.int64) + (counts > high))


def spans_of(codes: Codes, counts: Codes, n_codes: int, what: str) -> tuple[str, ...]:
    """For each code the range of the counts of its things: `3 to 17 items`; empty where it has none."""
    return tuple(_span(counts[codes == code], what) for code in range(n_codes))


def in_shares(counts: Codes) -> Codes:
    """0 for the most frequent of n things that make a third of all events, 1 for the next third, 2 for the rest, 3 for
    those that were never seen.
    """
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    codes = np.empty(len(counts), dtype=np.int64)
    codes[order] = np.minimum(3 * before // max(int(counts.sum()), 1), 2)
    codes[counts == 0] = 3
    return codes


def _span(counts: Codes, what: str) -> str:
    if not len(counts):
        return ""
    low, high = int(counts.min()), int(counts.max())
    return f"{low:,} {what}" if low == high else f"{low:,} to {high:,} {what}"


def moved(differences: Values, least: float) -> tuple[int, int, int]:
    """How many of paired differences, turned so that positive is better, are gains, losses and neither."""
    gained, lost = int(np.count_nonzero(differences > least)), int(np.count_nonzero(differences < -least))
    return gained, lost, len(differences) - gained - lost


def shares(codes: Sequence[int] | Codes, n_codes: int) -> Values:
    """The share of each code among those that are not `NONE`, float64 [n_codes]; zeros where there are none."""
    counts = np.bincount(np.asarray(codes, dtype=np.int64) + 1, minlength=n_codes + 1)[1:]
    return np.asarray(counts / max(int(counts.sum()), 1))
