"""How parts are coded, and what is known and what is asked in a part."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.datasets import Bools, Int8s, Int32s, Int64s, sorted_unique

CODE_OF: Mapping[Part, int] = {part: code for code, part in enumerate(Part)}
"""Codes in a split's `part` array: 0 train, 1 select, 2 confirm, 3 test."""
HOLDOUTS = (Part.SELECT, Part.CONFIRM, Part.TEST)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """User-item pairs of one holdout, each int64 key = user * n_items + item, sorted and unique.

    `seen` is the whole history; `relevant` what is asked, without the `unreachable` pairs that the history holds.
    """

    seen: Int64s
    relevant: Int64s
    unreachable: int
    n_items: int

    @property
    def users(self) -> Int32s:
        """Users with something to find: int32, ascending."""
        return sorted_unique(self.relevant // self.n_items).astype(np.int32)

    @property
    def warm(self) -> Bools:
        """Whether each of `users` has a history."""
        return _found_in(sorted_unique(self.seen // self.n_items), self.users)


def rows_of(part: Int8s, *wanted: Part) -> Bools:
    """Which rows belong to any of the wanted parts."""
    return np.isin(part, [CODE_OF[p] for p in wanted])


def pairs_of(users: Int32s, items: Int32s, n_items: int, part: Int8s, holdout: Part) -> Pairs:
    """What is known and what is asked in a holdout."""
    keys = users.astype(np.int64) * n_items + items
    seen = sorted_unique(keys[rows_of(part, *HISTORY_OF[holdout])])
    asked = sorted_unique(keys[rows_of(part, holdout)])
    relevant = asked[~_found_in(seen, asked)]
    return Pairs(seen=seen, relevant=relevant, unreachable=len(asked) - len(relevant), n_items=n_items)


def warm_users(users: Int32s, items: Int32s, n_items: int, part: Int8s) -> dict[Part, int]:
    """Users of each holdout who have a history and something new to find: `pairs_of(...).warm.sum()` for all at once.

    Parts are nested: what comes before a holdout is its history. So a pair is asked for in the first part it is in.
    """
    parts = len(CODE_OF)
    keys = np.sort((users.astype(np.int64) * n_items + items) * parts + part)
    first = np.ones(len(keys), dtype=np.bool_)
    first[1:] = keys[1:] // parts != keys[:-1] // parts
    keys = keys[first]
    owners, parts_of_pairs = keys // parts // n_items, keys % parts
    earliest = np.full(int(users.max()) + 1, parts, dtype=np.int64)
    np.minimum.at(earliest, owners, parts_of_pairs)
    return {
        p: int(np.sum(earliest[sorted_unique(owners[parts_of_pairs == CODE_OF[p]])] < CODE_OF[p])) for p in HOLDOUTS
    }


def _found_in(ordered: Int64s, keys: Int32s | Int64s) -> Bools:
    """Which keys are among the ordered ones."""
    if not len(ordered):
        return np.zeros(len(keys), dtype=np.bool_)
    place = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return np.asarray(ordered[place] == keys)
