"""Where top-k lists are good and where not: by user, by popularity, beside another candidate's. On *select* alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autorec.domain.diagnosis import SHARE_DECIMALS, Answered, Balance, Contrast, Examined
from autorec.domain.evaluation import Objective
from autorec.domain.job import Part
from autorec.judging.ground import Ground, Marker
from autorec.judging.metrics import Lists
from autorec.judging.segments import NONE, Grouping, in_shares, in_thirds, moved, shares, spans_of

ACTIVITY = ("short", "middle", "long")
POPULARITY = ("head", "middle", "tail", "cold")
SAME = 1e-6
"""Values by unit are kept in single precision."""


class ListExaminer:
    """Examines judged lists; implements `ports.Examiner`. `key` is what the judge was made with.

    Users with a history and something to find are grouped in thirds by the length of their history, with the primary
    metric as the measure. The items that they wanted are grouped by how often training holds them: head is the most
    popular items with a third of all events, middle the next, tail the rest, cold what it does not hold; the measure
    is the share of them that stand in the top k. So are the items that users without history wanted, together.
    """

    def __init__(self, key: Mapping[str, Any], objective: Objective) -> None:
        self._key = key
        self._objective = objective
        self._k = int(objective.name.partition("@")[2])

    @cached_property
    def _sheet(self) -> "_Sheet":
        return _Sheet(Ground.of(self._key["truth"](Part.SELECT)), self._objective.name, self._k)

    def examine(self, answers: Answered) -> Examined:
        """See `ports.Examiner`."""
        sheet, lists = self._sheet, self._lists(answers)
        found, shown = sheet.found(lists).astype(np.float64), lists[sheet.warm]
        shown = shown[shown >= 0]
        grouped = (sheet.users.segments(_values(answers.per_unit)), *(each.segments(found) for each in sheet.wanted))
        return Examined(
            segments=tuple(segment for segments in grouped for segment in segments),
            balances=tuple(sheet.balances(shown)),
            coverage=round(len(np.unique(shown)) / sheet.ground.n_items, SHARE_DECIMALS),
        )

    def compare(self, ours: Answered, theirs: Answered) -> Contrast:
        """See `ports.Examiner`."""
        sheet, a, b = self._sheet, self._lists(ours), self._lists(theirs)
        differences = self._objective.worth(1.0) * (_values(ours.per_unit) - _values(theirs.per_unit))
        found = sheet.found(a).astype(np.float64) - sheet.found(b)
        gained, lost, unchanged = moved(differences, SAME)
        gains = (sheet.users.gains(differences), *(each.gains(found) for each in sheet.wanted))
        return Contrast(
            of=f"share of the top {self._k} in common",
            in_common=round(_in_common(a[sheet.warm], b[sheet.warm]), SHARE_DECIMALS),
            gained=gained,
            lost=lost,
            unchanged=unchanged,
            gains=tuple(gain for group in gains for gain in group),
        )

    def _lists(self, answers: Answered) -> Lists:
        lists: Lists = np.load(BytesIO(answers.predictions), allow_pickle=False)[:, : self._k]
        return lists


@dataclass(frozen=True, eq=False)
class _Sheet:
    """The ground of *select*, made ready: q users, of them those with a history (`warm`) are the units."""

    ground: Ground
    metric: str
    k: int

    @cached_property
    def warm(self) -> NDArray[np.bool_]:
        return np.asarray(self.ground.warm & (self.ground.n_relevant > 0))

    @cached_property
    def item_class(self) -> NDArray[np.int64]:
        return in_shares(self.ground.item_counts)

    @cached_property
    def users(self) -> Grouping:
        """The units by the length of their history."""
        lengths = np.diff(self.ground.seen_indptr)[self.warm]
        codes = in_thirds(lengths)
        spans = spans_of(codes, lengths, len(ACTIVITY), "items")
        return Grouping(group="users by history", names=ACTIVITY, spans=spans, codes=codes, measure=self.metric)

    @cached_property
    def wanted(self) -> tuple[Grouping, ...]:
        """The wanted items, those of users with a history by popularity, those of others together."""
        owners = np.repeat(np.arange(len(self.ground.users)), self.ground.n_relevant)[self._order]
        warm, classes = self.warm[owners], self.item_class[self.ground.items[self._order]]
        spans, measure = self._spans(), f"share in the top {self.k}"
        return (
            Grouping(
                group="wanted items by popularity",
                names=POPULARITY,
                spans=spans,
                codes=np.where(warm, classes, NONE),
                measure=measure,
                owners=owners,
            ),
            Grouping(
                group="wanted items of new users",
                names=("all",),
                spans=("no history",),
                codes=np.where(warm, NONE, 0),
                measure=measure,
                owners=owners,
            ),
        )

    def found(self, lists: Lists) -> NDArray[np.bool_]:
        """Which of the wanted items stand in their user's list, bool, in the order of `wanted`."""
        rows, places = np.nonzero(self._marker.mark(lists))
        found = np.zeros(len(self._keys), dtype=np.bool_)
        found[np.searchsorted(self._keys, rows * self.ground.n_items + lists[rows, places])] = True
        return found

    def balances(self, shown: NDArray[np.int32]) -> list[Balance]:
        """What is shown, item codes [m], against what was wanted, for each popularity that the catalogue holds."""
        n = len(POPULARITY)
        given, wanted = shares(self.item_class[shown], n), shares(self.wanted[0].codes, n)
        return [
            Balance(
                group="share of places against share of wanted items, by popularity",
                name=name,
                given=round(float(given[code]), SHARE_DECIMALS),
                wanted=round(float(wanted[code]), SHARE_DECIMALS),
            )
            for code, name in enumerate(POPULARITY)
            if (self.item_class == code).any()
        ]

    @cached_property
    def _marker(self) -> Marker:
        return Marker(self.ground.indptr, self.ground.items, self.ground.n_items)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        owners = np.repeat(np.arange(len(self.ground.users)), self.ground.n_relevant)
        return np.lexsort((self.ground.items, owners))

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        owners = np.repeat(np.arange(len(self.ground.users), dtype=np.int64), self.ground.n_relevant)
        return np.asarray(owners * self.ground.n_items + self.ground.items)[self._order]

    def _spans(self) -> tuple[str, ...]:
        counts, n_items = self.ground.item_counts, np.bincount(self.item_class, minlength=len(POPULARITY))
        seen = spans_of(self.item_class, counts, len(POPULARITY), "times")
        return tuple(f"{n:,} items, {span}" if n else "" for n, span in zip(n_items, seen, strict=True))


def _in_common(a: Lists, b: Lists) -> float:
    """The share of filled places that two sets of lists, int32 [q, <= k], have in common."""
    both = np.sort(np.concatenate((a, b), axis=1), axis=1)
    twice = np.count_nonzero((both[:, 1:] == both[:, :-1]) & (both[:, 1:] >= 0))
    most = max(np.count_nonzero(a >= 0), np.count_nonzero(b >= 0))
    return twice / most if most else 1.0


def _values(content: bytes) -> NDArray[np.float64]:
    return np.asarray(np.load(BytesIO(content), allow_pickle=False), dtype=np.float64)
