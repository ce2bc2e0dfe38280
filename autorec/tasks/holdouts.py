"""The ground truth of a holdout, as the judge needs it."""

from dataclasses import dataclass

import numpy as np

from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.datasets import Bools, Dataset, Int32s, Int64s, offsets
from autorec.tasks.parts import pairs_of, rows_of
from autorec.tasks.splits import Split


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holdout:
    """What is asked in a part and what was known before it, in the data set's numbering.

    `users` int32 [q], ascending: those with something to find. Relevant items of the k-th are
    items[indptr[k]:indptr[k + 1]] (int32, ascending, unique, none of them seen before), its history
    seen_items[seen_indptr[k]:seen_indptr[k + 1]] likewise. `warm` bool [q]: has a history.
    `item_counts` int64 [n_items]: rows of the history, all users; 0 is a cold item.
    `unreachable` counts pairs of the part that were left out because the user had the item before.
    """

    users: Int32s
    indptr: Int64s
    items: Int32s
    seen_indptr: Int64s
    seen_items: Int32s
    warm: Bools
    item_counts: Int64s
    unreachable: int

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.unreachable:
            return ()
        return (f"{self.unreachable:,} pairs repeat the user's history and are not asked for",)


def ground(dataset: Dataset, split: Split, part: Part) -> Holdout:
    """The ground truth of select, confirm or test. Raises KeyError for train, which is never judged."""
    history = HISTORY_OF[part]
    pairs = pairs_of(dataset.users, dataset.items, dataset.n_items, split.part, part)
    users = pairs.users
    indptr, items = _rows_for(users, pairs.relevant, dataset)
    seen_indptr, seen_items = _rows_for(users, pairs.seen, dataset)
    known = dataset.items[rows_of(split.part, *history)]
    return Holdout(
        users=users,
        indptr=indptr,
        items=items,
        seen_indptr=seen_indptr,
        seen_items=seen_items,
        warm=pairs.warm,
        item_counts=np.bincount(known, minlength=dataset.n_items).astype(np.int64),
        unreachable=pairs.unreachable,
    )


def _rows_for(users: Int32s, keys: Int64s, dataset: Dataset) -> tuple[Int64s, Int32s]:
    """Row pointers and items of the pairs (sorted keys) that belong to `users`."""
    owners = keys // dataset.n_items
    place = np.full(dataset.n_users, -1, dtype=np.int64)
    place[users] = np.arange(len(users))
    rows = place[owners]
    kept = rows >= 0
    return offsets(rows[kept], len(users)), (keys[kept] % dataset.n_items).astype(np.int32)
