"""The ground truth of one part, and the marking of lists against it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autorec.judging.metrics import Counts, Hits, Lists

_TABLE_BYTES = 1 << 21


class Truth(Protocol):
    """What whoever holds the data must say of a part: see `Ground` for each array."""

    @property
    def users(self) -> NDArray[np.int32]: ...

    @property
    def indptr(self) -> NDArray[np.int64]: ...

    @property
    def items(self) -> NDArray[np.int32]: ...

    @property
    def seen_indptr(self) -> NDArray[np.int64]: ...

    @property
    def seen_items(self) -> NDArray[np.int32]: ...

    @property
    def warm(self) -> NDArray[np.bool_]: ...

    @property
    def item_counts(self) -> Counts: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What q users did in a part, and what was known of them before; all in the data set's own codes.

    `users` int32 [q] ascending. `items` int32: what user `users[u]` did is items[indptr[u]:indptr[u + 1]], each item
    once and none from that user's history. `seen_indptr`, `seen_items` hold the history the same way. `warm` bool [q]:
    the history holds at least one event of the user. `item_counts` int64 [n_items]: events an item in the history.
    """

    users: NDArray[np.int32]
    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    seen_indptr: NDArray[np.int64]
    seen_items: NDArray[np.int32]
    warm: NDArray[np.bool_]
    item_counts: Counts

    def __post_init__(self) -> None:
        wanted, known = self._pairs(self.indptr, self.items), self._pairs(self.seen_indptr, self.seen_items)
        if (again := np.isin(wanted, known, assume_unique=True)).any():  # unique by contract: no hashing first
            raise ValueError(
                f"{np.count_nonzero(again)} relevant items stand in the history of their users already; expected none, "
                "as lists never show them"
            )

    @classmethod
    def of(cls, truth: Truth) -> "Ground":
        """The ground that a part's truth makes."""
        return cls(
            users=truth.users,
            indptr=truth.indptr,
            items=truth.items,
            seen_indptr=truth.seen_indptr,
            seen_items=truth.seen_items,
            warm=truth.warm,
            item_counts=truth.item_counts,
        )

    @property
    def n_items(self) -> int:
        return len(self.item_counts)

    @property
    def n_relevant(self) -> Counts:
        """How many items each user has to be found, int64 [q]."""
        return np.diff(self.indptr)

    @property
    def n_cold_relevant(self) -> Counts:
        """How many of them the history does not hold, int64 [q]."""
        cold = np.concatenate(([0], np.cumsum(self.item_counts[self.items] == 0)))
        return np.asarray(cold[self.indptr[1:]] - cold[self.indptr[:-1]], dtype=np.int64)

    def history_of(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The history of some of the q users, `rows`, as indptr and items."""
        begin, length = self.seen_indptr[rows], np.diff(self.seen_indptr)[rows]
        indptr = np.concatenate(([0], np.cumsum(length)))
        within = np.arange(indptr[-1]) - np.repeat(indptr[:-1], length)
        return indptr, self.seen_items[np.repeat(begin, length) + within]

    def _pairs(self, indptr: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.int64]:
        """One number for each (user, item)."""
        return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)) * self.n_items + items


class Marker:
    """Marks which places of q lists hold an item of the list's own set, a chunk of lists at a time.

    The sets are items[indptr[u]:indptr[u + 1]]. One byte table [chunk, n_items + 1], small enough for the cache, is
    set, looked up and cleared for each chunk. Its last column stays 0: there land the lookups of empty places (-1).
    Where things go in the table never changes, so it is worked out once.
    """

    def __init__(self, indptr: NDArray[np.int64], items: NDArray[np.int32], n_items: int) -> None:
        self._indptr = indptr
        self._stride = n_items + 1
        self._chunk = max(1, _TABLE_BYTES // self._stride)
        row = np.repeat(np.arange(len(indptr) - 1) % self._chunk, np.diff(indptr))
        self._places = row * self._stride + items

    def mark(self, lists: Lists) -> Hits:
        """Marks, bool [q, width], of lists, int32 [q, width], that hold item codes or -1."""
        n_lists = len(self._indptr) - 1
        marks = np.empty(lists.shape, dtype=np.bool_)
        table = np.zeros(self._chunk * self._stride, dtype=np.bool_)
        rows = (np.arange(self._chunk) * self._stride)[:, np.newaxis]
        for start in range(0, n_lists, self._chunk):
            stop = min(start + self._chunk, n_lists)
            places = self._places[self._indptr[start] : self._indptr[stop]]
            table[places] = True
            table.take(lists[start:stop] + rows[: stop - start], out=marks[start:stop], mode="wrap")
            table[places] = False
        return marks
