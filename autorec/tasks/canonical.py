"""From the rows of a file to a canonical `Dataset`: numbering, duplicates, order, digest."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
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
    pairs_digest,
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
    """Rows as a source gave them: codes into ids numbered anyhow, times in ticks of 1 / `per_second` seconds.

    `sequential` says that the rows of a user come in order of time though the source tells no times. `source_digest`
    is the `pairs_digest` of the log before rows were left out; "": this is all of it.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    users: Int32s
    items: Int32s
    times: Int64s | None = None
    per_second: int = 1
    values: Float32s | None = None
    given: Int8s | None = None
    sequential: bool = False
    notes: tuple[str, ...] = field(default=())
    source_digest: str = ""

    @property
    def pairs_digest(self) -> str:
        """Names the pairs of user and item, whatever their order."""
        return pairs_digest(self.user_ids, self.item_ids, self.users, self.items)

    def take(self, rows: Int64s | Bools) -> "Log":
        """The log of some rows, in the order of `rows`; ids stay."""
        return replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            times=None if self.times is None else self.times[rows],
            values=None if self.values is None else self.values[rows],
            given=None if self.given is None else self.given[rows],
        )


def assemble(log: Log, *, name: str, features: Sequence[Feature] = ()) -> Dataset:
    """The canonical data set of a log; `features` must already follow the sorted ids. Raises DataError."""
    return dataset_of(canonical(log), name=name, features=features)


def canonical(log: Log) -> Log:
    """The log with ids sorted, and rows by user, then time, then a hash of the row.

    Of rows with the same user, item and time one is kept: from the earliest given file, then with the largest value.
    Where the log is `sequential` each row has a time of its own, and all are kept in the order in which they stand.
    """
    user_ids, users = _renumber(log.user_ids, log.users)
    item_ids, items = _renumber(log.item_ids, log.items)
    log = replace(log, user_ids=user_ids, item_ids=item_ids, users=users, items=items)
    log = log.take(_by_user_and_time(log))
    if log.sequential:
        return log
    log = _with_ties_broken(log)
    first = _first_of_its_kind(log)
    dropped = len(first) - int(first.sum())
    return replace(log.take(first), notes=(*log.notes, *_dropped(dropped))) if dropped else log


def dataset_of(log: Log, *, name: str, features: Sequence[Feature] = ()) -> Dataset:
    """The data set of a canonical log; `features` must follow its ids.

    Raises DataError when fewer than two users or two items are there to tell apart.
    """
    _require_two(log, name)
    timestamps = None if log.times is None else log.times // log.per_second
    features = tuple(sorted(features, key=lambda f: (f.side, f.name)))
    return Dataset(
        name=name,
        digest=content_digest(
            user_ids=log.user_ids,
            item_ids=log.item_ids,
            columns=(log.users, log.items, timestamps, log.values),
            features=features,
        ),
        source_digest=log.source_digest or log.pairs_digest,
        users=log.users,
        items=log.items,
        timestamps=timestamps,
        values=log.values,
        user_ids=log.user_ids,
        item_ids=log.item_ids,
        features=features,
        given=log.given,
        sequential=log.sequential,
        notes=(*log.notes, *_repeats(log)),
    )


def _require_two(log: Log, name: str) -> None:
    for what, ids in (("user", log.user_ids), ("item", log.item_ids)):
        if len(ids) < 2:
            raise DataError(
                f"{name}: expected at least 2 {what}s, found {len(ids)}",
                fix=f"check that the right column is read as {what}, give a larger log, or filter less",
            )


def _renumber(ids: tuple[str, ...], codes: Int32s) -> tuple[tuple[str, ...], Int32s]:
    """Number by sorted raw id."""
    order = sorted(range(len(ids)), key=ids.__getitem__)
    new_codes = np.empty(len(ids), dtype=np.int32)
    new_codes[order] = np.arange(len(ids), dtype=np.int32)
    return tuple(ids[i] for i in order), new_codes[codes]


def _by_user_and_time(log: Log) -> Int64s:
    """Row numbers by user, then time, then place in the source."""
    if log.times is None:
        return np.argsort(log.users, kind="stable")
    earliest = int(log.times.min())
    span = int(log.times.max()) - earliest + 1
    if span * len(log.user_ids) >= 2**63:
        return np.lexsort((log.times, log.users))
    # One sort of one packed key: on 20 million rows half the time of a sort by two.
    return np.argsort(log.users.astype(np.int64) * span + (log.times - earliest), kind="stable")


def _with_ties_broken(log: Log) -> Log:
    """Rows of one user and time by hash; of one hash by given file, then by falling value.

    The hash is of whole seconds, so that it does not change with the unit in which a source tells its times.
    """
    same = _same_as_before(log.users, log.times)
    tied = np.flatnonzero(same | np.append(same[1:], False))
    rows = log.take(tied)
    seconds = None if rows.times is None else rows.times // rows.per_second
    keys: list[npt.NDArray[Any]] = [
        row_hashes(log.user_ids, log.item_ids, rows.users, rows.items, seconds),
        np.cumsum(~same)[tied],
    ]
    if rows.given is not None:
        keys.insert(0, rows.given)
    if rows.values is not None:
        keys.insert(0, -rows.values)
    order = np.arange(len(log.users))
    order[tied] = tied[np.lexsort(keys)]
    return log.take(order) if len(tied) else log


def _same_as_before(*columns: npt.NDArray[Any] | None) -> Bools:
    """Which rows equal the row before in all columns there are."""
    present = [column for column in columns if column is not None]
    same = np.zeros(len(present[0]), dtype=np.bool_)
    same[1:] = True
    for column in present:
        same[1:] &= column[1:] == column[:-1]
    return same


def _first_of_its_kind(log: Log) -> Bools:
    return ~_same_as_before(log.users, log.items, log.times)


def _dropped(rows: int) -> Iterable[str]:
    yield f"{rows:,} duplicate rows dropped: the same user, item and time is kept once, in the first given file"


def _repeats(log: Log) -> Iterable[str]:
    repeats = len(log.users) - len(sorted_unique(log.users.astype(np.int64) * len(log.item_ids) + log.items))
    if repeats:
        yield f"{repeats:,} rows repeat an item that the user had before; kept, but a repeat is never a label"
