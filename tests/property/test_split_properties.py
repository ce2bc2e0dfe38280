"""What holds of every split of every log."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autorec.domain.errors import DataError
from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.bundle import Permutation, write_query, write_training
from autorec.tasks.canonical import Log, assemble
from autorec.tasks.datasets import Dataset
from autorec.tasks.holdouts import ground
from autorec.tasks.parts import HOLDOUTS, rows_of
from autorec.tasks.splits import Split, split

Row = tuple[int, int, int]
PARTS_OF = {Part.TRAIN: 0, Part.SELECT: 1, Part.CONFIRM: 2, Part.TEST: 3}
BOUNDED = settings(max_examples=60, deadline=None)

rows_of_logs = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 40)), min_size=12, max_size=80, unique=True
)
rules = st.sampled_from(["temporal", "loo", "ratio"])


def build(rows: list[Row], names: str = "{}") -> Dataset:
    users, items, times = (np.array(column) for column in zip(*rows, strict=True))
    present_users, user_codes = np.unique(users, return_inverse=True)
    present_items, item_codes = np.unique(items, return_inverse=True)
    assume(len(present_users) > 1 and len(present_items) > 1)
    log = Log(
        user_ids=tuple(f"u{u}" for u in present_users),
        item_ids=tuple(names.format(i) for i in present_items),
        users=user_codes.astype(np.int32),
        items=item_codes.astype(np.int32),
        times=times.astype(np.int64),
    )
    return assemble(log, name="any")


def try_split(dataset: Dataset, rule: str) -> Split:
    try:
        return split(dataset, rule)
    except DataError:
        assume(False)
        raise


def placed(dataset: Dataset, cut: Split, unnamed: str = "") -> set[tuple[str, str, int, int]]:
    assert dataset.timestamps is not None
    columns = (dataset.users, dataset.items, dataset.timestamps, cut.part)
    return {
        (dataset.user_ids[u], dataset.item_ids[i].removeprefix(unnamed), int(t), int(p))
        for u, i, t, p in zip(*columns, strict=True)
    }


@BOUNDED
@given(rows_of_logs, rules)
def test_each_row_has_one_part_and_nothing_later_leaks(rows: list[Row], rule: str) -> None:
    dataset = build(rows)
    cut = try_split(dataset, rule)
    assert len(cut.part) == dataset.n_interactions == len(rows)
    assert sum(cut.counts.values()) == len(rows)
    assert set(cut.part.tolist()) <= set(PARTS_OF.values())
    assert dataset.timestamps is not None
    if rule == "temporal":
        order = np.argsort(dataset.timestamps, kind="stable")
        assert np.all(np.diff(cut.part[order]) >= 0)
        assert all(len(set(cut.part[dataset.timestamps == t])) == 1 for t in dataset.timestamps)
    if rule == "loo":
        for user in range(dataset.n_users):
            own = dataset.users == user
            assert np.all(np.diff(cut.part[own]) >= 0) and np.all(np.diff(dataset.timestamps[own]) >= 0)
            assert np.bincount(cut.part[own], minlength=4)[1:].max() <= 1


@BOUNDED
@given(rows_of_logs, rules, st.randoms(use_true_random=False))
def test_row_order_changes_nothing(rows: list[Row], rule: str, random: object) -> None:
    first = build(rows)
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    second = build(shuffled)
    one, two = try_split(first, rule), try_split(second, rule)
    assert first.digest == second.digest and one.digest == two.digest
    assert np.array_equal(one.part, two.part)


@BOUNDED
@given(rows_of_logs, st.sampled_from(["temporal", "loo"]))
def test_names_of_items_change_nothing_where_no_times_tie(rows: list[Row], rule: str) -> None:
    distinct = [(u, i, n * 3) for n, (u, i, _) in enumerate(rows)]
    first, second = build(distinct), build(distinct, names="renamed {}")
    assert placed(first, try_split(first, rule)) == placed(second, try_split(second, rule), unnamed="renamed ")


@BOUNDED
@given(rows_of_logs, rules)
def test_holdouts_ask_only_for_what_is_new(rows: list[Row], rule: str) -> None:
    dataset = build(rows)
    cut = try_split(dataset, rule)
    for part in HOLDOUTS:
        truth = ground(dataset, cut, part)
        history = rows_of(cut.part, *HISTORY_OF[part])
        asked = {(u, i) for u, i, p in zip(dataset.users, dataset.items, cut.part, strict=True) if p == PARTS_OF[part]}
        known = {(u, i) for u, i, h in zip(dataset.users, dataset.items, history, strict=True) if h}
        relevant = {
            (user, item)
            for row, user in enumerate(truth.users)
            for item in truth.items[truth.indptr[row] : truth.indptr[row + 1]]
        }
        seen = {
            (user, item)
            for row, user in enumerate(truth.users)
            for item in truth.seen_items[truth.seen_indptr[row] : truth.seen_indptr[row + 1]]
        }
        assert relevant == asked - known
        assert truth.unreachable == len(asked & known)
        assert seen == {(u, i) for u, i in known if u in set(truth.users.tolist())}
        assert truth.warm.tolist() == [any(u == user for u, _ in known) for user in truth.users]
        assert truth.item_counts.sum() == history.sum()


@BOUNDED
@given(st.binary(min_size=1, max_size=40), st.integers(1, 300), st.integers(1, 300))
def test_permutations_are_bijections(secret: bytes, n_users: int, n_items: int) -> None:
    permutation = Permutation.of(secret, n_users, n_items)
    assert sorted(permutation.users.tolist()) == list(range(n_users))
    assert sorted(permutation.items.tolist()) == list(range(n_items))


@settings(max_examples=25, deadline=None)
@given(rows_of_logs, rules, st.binary(min_size=1, max_size=8))
def test_bundles_hold_exactly_what_is_known(rows: list[Row], rule: str, secret: bytes) -> None:
    dataset = build(rows)
    cut = try_split(dataset, rule)
    permutation = Permutation.of(secret, dataset.n_users, dataset.n_items)
    back_users, back_items = np.argsort(permutation.users), np.argsort(permutation.items)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_training(dataset, cut, permutation, (Part.TRAIN,), folder / "data")
        write_query(dataset, cut, permutation, Part.TEST, folder / "query", {"answer": "lists", "k": 3})
        users, items = np.load(folder / "data" / "users.npy"), np.load(folder / "data" / "items.npy")
        train = cut.part == 0
        assert sorted(zip(back_users[users], back_items[items], strict=True)) == sorted(
            zip(dataset.users[train], dataset.items[train], strict=True)
        )
        indptr, items = np.load(folder / "query" / "indptr.npy"), np.load(folder / "query" / "items.npy")
        for user in range(dataset.n_users):
            own = permutation.users[user]
            history = dataset.items[(dataset.users == user) & (cut.part < 3)]
            assert back_items[items[indptr[own] : indptr[own + 1]]].tolist() == history.tolist()
