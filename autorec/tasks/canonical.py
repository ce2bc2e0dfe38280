"""From the rows of a file to a canonical `Dataset`: numbering, duplicates, order, digest."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from autorec.domain.errors import DataError
from autorec.tasks.datasets import (
    Bools,
    Dataset,
    Feature,
    Float32s,
    Int8s,
    Int32s,
    Int64s,
    content_digest,
    row_hashes,
    sorted_unique,
)


class Numbering:
    """Numbers raw ids in the order in which they first come."""

    def __init__(self) -> None:
        self.codes: defaultdict[str, int] = defaultdict(count().__next__)

    def encode(self, raw: Sequence[str]) -> Int32s:
        """Codes int32 [n] of the raw ids, new ones numbered on."""
        return np.fromiter(map(self.codes.__getitem__, raw), dtype=np.int32, count=len(raw))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.codes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Log:
    """Rows as a source gave them: codes into ids numbered anyhow, times in ticks of 1 / `per_second` seconds."""

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    users: Int32s
    items: Int32s
    times: Int64s | None = None
    per_second: int = 1
    values: Float32s | None = None
    given: Int8s | None = None
    notes: tuple[str, ...] = field(default=())


def assemble(log: Log, *, name: str, features: Sequence[Feature] = ()) -> Dataset:
    """The canonical data set of a log; `features` must already follow the sorted ids.

    Of rows with the same user, item and time one is kept: from the earliest given file, then with the largest value.
    Raises DataError when fewer than two users or two items are left to tell apart.
    """
    _require_two(log, name)
    user_ids, users = _renumber(log.user_ids, log.users)
    item_ids, items = _renumber(log.item_ids, log.items)
    order = _canonical_order(user_ids, item_ids, users, items, log)
    keep = order[_first_of_its_kind(users[order], items[order], None if log.times is None else log.times[order])]
    users, items = users[keep], items[keep]
    timestamps = None if log.times is None else log.times[keep] // log.per_second
    values = None if log.values is None else log.values[keep]
    features = tuple(sorted(features, key=lambda f: (f.side, f.name)))
    return Dataset(
        name=name,
        digest=content_digest(
            user_ids=user_ids, item_ids=item_ids, columns=(users, items, timestamps, values), features=features
        ),
        users=users,
        items=items,
        timestamps=timestamps,
        values=values,
        user_ids=user_ids,
        item_ids=item_ids,
        features=features,
        given=None if log.given is None else log.given[keep],
        notes=(*log.notes, *_row_notes(users, items, len(item_ids), dropped=len(order) - len(keep))),
    )


def _require_two(log: Log, name: str) -> None:
    for what, ids in (("user", log.user_ids), ("item", log.item_ids)):
        if len(ids) < 2:
            raise DataError(
                f"{name}: expected at least 2 {what}s, found {len(ids)}",
                fix=f"check that the right column is read as {what}, or give a larger log",
            )


def _renumber(ids: tuple[str, ...], codes: Int32s) -> tuple[tuple[str, ...], Int32s]:
    """Number by sorted raw id."""
    order = sorted(range(len(ids)), key=ids.__getitem__)
    new_codes = np.empty(len(ids), dtype=np.int32)
    new_codes[order] = np.arange(len(ids), dtype=np.int32)
    return tuple(ids[i] for i in order), new_codes[codes]


def _canonical_order(
    user_ids: Sequence[str], item_ids: Sequence[str], users: Int32s, items: Int32s, log: Log
) -> Int64s:
    """Row order by user, time, hash; duplicates by file, then by falling value."""
    keys: list[npt.NDArray[Any]] = [row_hashes(user_ids, item_ids, users, items, log.times)]
    if log.given is not None:
        keys.insert(0, log.given)
    if log.values is not None:
        keys.insert(0, -log.values)
    if log.times is not None:
        keys.append(log.times)
    return np.lexsort([*keys, users])


def _first_of_its_kind(users: Int32s, items: Int32s, times: Int64s | None) -> Bools:
    first = np.ones(len(users), dtype=np.bool_)
    first[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    if times is not None:
        first[1:] |= times[1:] != times[:-1]
    return first


def _row_notes(users: Int32s, items: Int32s, n_items: int, *, dropped: int) -> Iterable[str]:
    if dropped:
        yield f"{dropped:,} duplicate rows dropped: the same user, item and time is kept once, in the first given file"
    repeats = len(users) - len(sorted_unique(users.astype(np.int64) * n_items + items))
    if repeats:
        yield f"{repeats:,} rows repeat an item that the user had before; kept, but a repeat is never a label"


def categorical_rows(rows: Mapping[str, Sequence[str]], ids: Sequence[str]) -> tuple[Int64s, Int32s, int]:
    """Row pointers, codes (numbered by sorted raw value) and the number of codes, for `ids` in order."""
    vocabulary = {value: code for code, value in enumerate(sorted({v for values in rows.values() for v in values}))}
    per_id = [[vocabulary[v] for v in rows.get(i, ())] for i in ids]
    indptr = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum([len(codes) for codes in per_id], out=indptr[1:])
    return indptr, np.array([c for codes in per_id for c in codes], dtype=np.int32), len(vocabulary)
