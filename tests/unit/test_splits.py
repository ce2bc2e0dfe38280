"""Split rules on logs small enough to check by hand, and the reference figure of EASE on MovieLens."""

from pathlib import Path

import numpy as np
import pytest

from autorec.domain.errors import DataError
from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.canonical import Log, assemble
from autorec.tasks.datasets import Dataset
from autorec.tasks.holdouts import Holdout, ground
from autorec.tasks.parts import rows_of
from autorec.tasks.readers import load
from autorec.tasks.splits import RULES, split

Row = tuple[str, str, int]


def make(rows: list[Row], given: list[int] | None = None, timed: bool = True) -> Dataset:
    users, items = sorted({r[0] for r in rows}), sorted({r[1] for r in rows})
    log = Log(
        user_ids=tuple(users),
        item_ids=tuple(items),
        users=np.array([users.index(r[0]) for r in rows], dtype=np.int32),
        items=np.array([items.index(r[1]) for r in rows], dtype=np.int32),
        times=np.array([r[2] for r in rows], dtype=np.int64) if timed else None,
        given=None if given is None else np.array(given, dtype=np.int8),
    )
    return assemble(log, name="made up")


def grid(n_users: int, n_items: int) -> list[Row]:
    """Each user takes every item, one a second, users in turn."""
    return [(f"u{u:04d}", f"i{i:03d}", i * n_users + u) for u in range(n_users) for i in range(n_items)]


def test_leave_one_out_holds_out_the_last_three_of_each_user() -> None:
    dataset = make([*grid(3, 6), ("few", "i000", 0), ("few", "i001", 1), ("few", "i002", 2)])
    cut = split(dataset, "loo")
    for user, name in enumerate(dataset.user_ids):
        rows = cut.part[dataset.user_indptr[user] : dataset.user_indptr[user + 1]]
        assert rows.tolist() == ([0, 0, 0] if name == "few" else [0, 0, 0, 1, 2, 3])
    assert cut.counts == {"train": 12, "select": 3, "confirm": 3, "test": 3}
    assert cut.notes == ("1 users with fewer than 4 rows stay in train",)


def test_temporal_cuts_by_time_and_keeps_ties_together() -> None:
    rows = [("a" if i % 2 else "b", f"i{i}", min(i, 15) if i < 18 else 18) for i in range(20)]
    dataset = make(rows)
    cut = split(dataset, "temporal")
    assert dataset.timestamps is not None
    by_time = {t: set(cut.part[dataset.timestamps == t].tolist()) for t in dataset.timestamps.tolist()}
    assert all(len(parts) == 1 for parts in by_time.values())
    assert [min(by_time[t]) for t in sorted(by_time)] == sorted(min(p) for p in by_time.values())


def test_temporal_shares() -> None:
    assert split(make(grid(20, 50)), "temporal").counts == {"train": 700, "select": 100, "confirm": 100, "test": 100}


def test_ratio_is_per_user_and_seeded() -> None:
    dataset = make(grid(20, 50), timed=False)
    first, again, other = split(dataset, "ratio"), split(dataset, "ratio"), split(dataset, "ratio", seed=1)
    assert first.counts == {"train": 700, "select": 100, "confirm": 100, "test": 100}
    assert np.array_equal(first.part, again.part) and first.digest == again.digest
    assert not np.array_equal(first.part, other.part) and first.digest != other.digest
    for user in range(20):
        assert np.bincount(first.part[dataset.users == user]).tolist() == [35, 5, 5, 5]


@pytest.mark.parametrize(
    ("dataset", "rule", "reason"),
    [
        (make(grid(600, 20)), "temporal", "600 warm users"),
        (make(grid(400, 20)), "loo", "400 warm users"),
        (make(grid(600, 20), timed=False), "ratio", "no timestamps"),
    ],
)
def test_auto_prefers_temporal_and_says_why(dataset: Dataset, rule: str, reason: str) -> None:
    cut = split(dataset)
    assert cut.rule == rule
    assert reason in cut.notes[0]


@pytest.mark.parametrize(
    ("given", "timed", "how"),
    [
        ([0, 0, 0, 0, 1, 2] * 4, True, "last train event"),
        ([2, 0, 0, 1, 0, 0] * 4, True, "random share"),
        ([0, 0, 0, 0, 1, 2] * 4, False, "random share"),
    ],
)
def test_given_files_carve_select_by_the_same_rule(given: list[int], timed: bool, how: str) -> None:
    dataset = make(grid(4, 6), given, timed)
    assert dataset.given is not None
    cut = split(dataset)
    assert cut.rule == "given"
    assert how in cut.notes[1]
    assert np.array_equal(cut.part == 2, dataset.given == 1)
    assert np.array_equal(cut.part == 3, dataset.given == 2)
    assert cut.counts["select"] == 4
    if timed and "last" in how:
        assert all(cut.part[dataset.users == u].tolist() == [0, 0, 0, 1, 2, 3] for u in range(4))


def test_given_slices_of_time_carve_the_slice_before() -> None:
    rows = grid(4, 10)
    given = [0 if t < 24 else 1 if t < 32 else 2 for _, _, t in rows]
    dataset = make(rows, given)
    cut = split(dataset)
    assert "slice of time" in cut.notes[1]
    assert dataset.timestamps is not None
    assert dataset.timestamps[cut.part == 1].tolist() and dataset.timestamps[cut.part == 1].min() == 16
    assert cut.counts == {"train": 16, "select": 8, "confirm": 8, "test": 8}


@pytest.mark.parametrize(
    ("dataset", "rule", "message"),
    [
        (make(grid(2, 6)), "given", "expects a folder"),
        (make(grid(2, 6)), "random", "expected one of"),
        (make(grid(2, 6), timed=False), "loo", "expects timestamps"),
        (make(grid(2, 3)), "loo", "nothing is left to judge.*select has 0 rows"),
        (make(grid(2, 3)), "auto", "nothing is left to judge"),
        (make([(u, i, 7) for u, i, _ in grid(3, 9)]), "temporal", "nothing is left to judge"),
        (make([(u, "same" if t > 5 else i, t) for u, i, t in grid(2, 7)]), "loo", "nothing is left to judge"),
    ],
)
def test_what_cannot_be_split_is_refused(dataset: Dataset, rule: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        split(dataset, rule)
    assert caught.value.fix


@pytest.mark.parametrize("rule", RULES)
def test_too_little_data_for_any_split_is_called_so(rule: str) -> None:
    with pytest.raises(DataError) as caught:
        split(make([("u", "i", 1), ("v", "j", 2)]), rule)
    assert caught.value.fix.startswith("give more data: there is too little for any split")


def test_only_rules_that_leave_something_to_judge_are_suggested() -> None:
    same_time = make([(u, i, 7) for u, i, _ in grid(3, 9)])
    with pytest.raises(DataError) as caught:
        split(same_time, "temporal")
    suggested = caught.value.fix.removeprefix("choose --split ").partition(",")[0].split(" or ")
    assert suggested == ["loo", "ratio"]
    assert all(split(same_time, rule).rule == rule for rule in suggested)


def test_manifest_is_plain() -> None:
    cut = split(make(grid(3, 6)), "loo")
    assert cut.manifest() == {
        "rule": "loo",
        "seed": 0,
        "counts": {"train": 9, "select": 3, "confirm": 3, "test": 3},
        "digest": cut.digest,
        "notes": [],
    }


def ease_ndcg(dataset: Dataset, rows: np.ndarray, truth: Holdout, strength: float = 500.0) -> float:
    """NDCG@10 of EASE (Steck, WWW 2019) where each user has one relevant item, seen items masked."""
    x = np.zeros((dataset.n_users, dataset.n_items), dtype=np.float32)
    x[dataset.users[rows], dataset.items[rows]] = 1
    p = np.linalg.inv(x.T @ x + strength * np.eye(dataset.n_items, dtype=np.float32))
    weights = -p / np.diag(p)
    np.fill_diagonal(weights, 0)
    scores = np.where(x > 0, -np.inf, x @ weights)[truth.users]
    rank = (scores > scores[np.arange(len(truth.users)), truth.items][:, None]).sum(axis=1)
    return float(np.where(rank < 10, 1 / np.log2(rank + 2), 0).mean())


def test_ease_reaches_its_reference_on_movielens(data_dir: Path) -> None:
    dataset = load(data_dir / "ml-100k" / "loo")
    cut = split(dataset, "given")
    assert cut.counts == {"train": 97_171, "select": 943, "confirm": 943, "test": 943}
    truth = ground(dataset, cut, Part.TEST)
    rows = rows_of(cut.part, *HISTORY_OF[Part.TEST])
    assert ease_ndcg(dataset, rows, truth) == pytest.approx(0.0737, abs=0.004)


def test_sizes_of_movielens(data_dir: Path) -> None:
    dataset = load(data_dir / "ml-100k")
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == (943, 1_682, 100_000)
    assert load(data_dir / "ml-100k" / "ratio").digest == load(data_dir / "ml-100k" / "loo").digest
    assert split(dataset).rule == "loo"
