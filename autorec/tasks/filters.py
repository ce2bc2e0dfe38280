"""Rows left out on request: those of small values, and those of users and items with few rows."""

from dataclasses import replace

import numpy as np

from autorec.domain.errors import DataError
from autorec.tasks.canonical import Log
from autorec.tasks.datasets import Bools, Int32s


def at_least(log: Log, rating: float) -> Log:
    """The rows whose value is `rating` or more, and the users and items that still have any.

    Raises DataError when there is no value column, or nothing is left.
    """
    if log.values is None:
        raise DataError(
            f"--min-rating {rating:g}: the data has no value column",
            fix="name it (--columns value=<column>), or leave --min-rating out",
        )
    kept = log.values >= np.float32(rating)
    if not kept.any():
        raise DataError(
            f"--min-rating {rating:g} leaves nothing: the largest value is {log.values.max():g}",
            fix="give a smaller --min-rating",
        )
    return _reduced(log, kept, f"min-rating {rating:g}")


def k_core(log: Log, k: int) -> Log:
    """The largest part of the log in which each user and each item has at least `k` rows.

    Taking out a user can bring an item below `k`, so it is repeated until nothing changes. Raises DataError when
    nothing is left.
    """
    kept = np.ones(len(log.users), dtype=np.bool_)
    while True:
        enough = kept & _frequent(log.users, kept, k) & _frequent(log.items, kept, k)
        if np.array_equal(enough, kept):
            break
        kept = enough
    if not kept.any():
        raise DataError(
            f"--k-core {k} leaves nothing: no users and items have {k} rows each among themselves",
            fix="give a smaller --k-core, or leave it out",
        )
    return _reduced(log, kept, f"k-core {k}")


def _frequent(codes: Int32s, kept: Bools, k: int) -> Bools:
    """For each row, whether its code has at least `k` kept rows."""
    return np.asarray((np.bincount(codes[kept], minlength=int(codes.max()) + 1) >= k)[codes])


def _reduced(log: Log, kept: Bools, what: str) -> Log:
    left = log.take(kept)
    user_ids, users = _compacted(log.user_ids, left.users)
    item_ids, items = _compacted(log.item_ids, left.items)
    note = (
        f"{what}: {len(kept) - len(users):,} rows, {len(log.user_ids) - len(user_ids):,} users and "
        f"{len(log.item_ids) - len(item_ids):,} items left out; "
        "taken before the split, so rows that are held out later count too"
    )
    return replace(left, user_ids=user_ids, item_ids=item_ids, users=users, items=items, notes=(*log.notes, note))


def _compacted(ids: tuple[str, ...], codes: Int32s) -> tuple[tuple[str, ...], Int32s]:
    """Ids that still have a row, in the same order, and the codes into them."""
    present = np.bincount(codes, minlength=len(ids)) > 0
    new_codes = (np.cumsum(present) - 1).astype(np.int32)
    return tuple(ids[code] for code in np.flatnonzero(present).tolist()), new_codes[codes]
