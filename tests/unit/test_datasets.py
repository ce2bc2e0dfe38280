"""What a data set promises: numbering, hashes of rows, digests."""

from dataclasses import replace

import numpy as np

from autorec.tasks.canonical import Log, assemble
from autorec.tasks.datasets import Categorical, Dataset, Numeric, offsets, sorted_unique


def small(features: tuple[Categorical | Numeric, ...] = (), **changes: object) -> Dataset:
    log = Log(
        user_ids=("b", "a", "c"),
        item_ids=("10", "9"),
        users=np.array([0, 1, 2, 0], dtype=np.int32),
        items=np.array([0, 1, 0, 1], dtype=np.int32),
        times=np.array([5, 5, 5, 5], dtype=np.int64),
    )
    return assemble(replace(log, **changes), name="small", features=features)  # type: ignore[arg-type]


def test_codes_follow_sorted_raw_ids() -> None:
    dataset = small()
    assert dataset.user_ids == ("a", "b", "c")
    assert dataset.item_ids == ("10", "9")
    assert dataset.users.tolist() == [0, 1, 1, 2]
    assert dataset.user_indptr.tolist() == [0, 1, 3, 4]
    assert (dataset.users.dtype, dataset.items.dtype) == (np.int32, np.int32)


def test_digest_covers_times_values_and_features_but_not_given_files() -> None:
    base = small()
    price = Numeric(side="item", name="price", values=np.array([1, 2], dtype=np.float32))
    others = [
        small(times=None),
        small(times=np.array([5, 5, 5, 6], dtype=np.int64)),
        small(values=np.ones(4, dtype=np.float32)),
        small((price,)),
        small((replace(price, values=np.array([1, 3], dtype=np.float32)),)),
        small(user_ids=("b", "a", "d")),
    ]
    assert len({d.digest for d in (base, *others)}) == len(others) + 1
    assert small(given=np.array([0, 1, 2, 0], dtype=np.int8)).digest == base.digest


def test_ties_are_not_broken_by_item_id() -> None:
    """With many users who have the same two items at one moment, either comes first about half of the time."""
    n = 400
    log = Log(
        user_ids=tuple(f"u{i}" for i in range(n)),
        item_ids=("low", "zhigh"),
        users=np.repeat(np.arange(n, dtype=np.int32), 2),
        items=np.tile(np.array([0, 1], dtype=np.int32), n),
        times=np.zeros(2 * n, dtype=np.int64),
    )
    last = assemble(log, name="ties").items[1::2]
    assert 0.4 < last.mean() < 0.6


def test_row_hashes_know_user_from_item_and_depend_on_salt() -> None:
    log = Log(
        user_ids=("1", "2"),
        item_ids=("1", "2"),
        users=np.array([0, 1], dtype=np.int32),
        items=np.array([1, 0], dtype=np.int32),
    )
    dataset = assemble(log, name="swap")
    assert len(set(dataset.row_hashes().tolist()) | set(dataset.row_hashes("salt").tolist())) == 4


def test_offsets_and_sorted_unique() -> None:
    assert offsets(np.array([0, 0, 2]), 4).tolist() == [0, 2, 2, 3, 3]
    assert sorted_unique(np.array([3, 1, 3, 2, 1])).tolist() == [1, 2, 3]
    assert sorted_unique(np.array([], dtype=np.int64)).tolist() == []
