"""The judge: un-permutes, scores warm users, keeps the test sealed."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from autorec.domain.errors import DataError, MalformedPredictions, UsageError
from autorec.domain.job import Part
from autorec.judging.fingerprint import fingerprint
from autorec.judging.ledger import TestLedger
from autorec.judging.lists import Ground, ListJudge
from autorec.judging.seal import SealedJudge

N_ITEMS = 12
USER_PERMUTATION = np.array([2, 0, 3, 1, 4])
ITEM_PERMUTATION = np.array([5, 3, 0, 1, 2, 4, 11, 10, 9, 8, 7, 6])


def ground(**changes: object) -> Ground:
    """Users 0, 1, 3, 4; user 4 is cold; item 11 is cold and relevant to user 3."""
    fields = {
        "users": np.array([0, 1, 3, 4], dtype=np.int32),
        "indptr": np.array([0, 1, 3, 5, 6]),
        "items": np.array([0, 1, 2, 3, 11, 5], dtype=np.int32),
        "seen_indptr": np.array([0, 2, 3, 4, 4]),
        "seen_items": np.array([8, 9, 0, 0], dtype=np.int32),
        "warm": np.array([True, True, True, False]),
        "item_counts": np.array([2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]),
    }
    return Ground(**(fields | changes))  # type: ignore[arg-type]


def judge(truth: Ground | None = None, **options: object) -> ListJudge:
    given: dict[str, object] = {"cutoffs": (5, 10), "top_k": 10} | options
    return ListJudge(
        truth=lambda _part: truth or ground(),
        user_permutation=USER_PERMUTATION,
        item_permutation=ITEM_PERMUTATION,
        n_items=N_ITEMS,
        **given,  # type: ignore[arg-type]
    )


def as_candidate(lists: dict[int, list[int]], width: int = 10) -> bytes:
    """Lists by user in the data set's codes, written as a candidate would: in its ids, by its user ids."""
    rows = []
    for user in sorted(lists, key=lambda code: USER_PERMUTATION[code]):
        ids = [int(ITEM_PERMUTATION[item]) for item in lists[user]]
        rows.append(ids + [-1] * (width - len(ids)))
    return npy(np.array(rows, dtype=np.int32))


def npy(array: NDArray[np.generic]) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def loaded(content: bytes) -> NDArray[np.generic]:
    array: NDArray[np.generic] = np.load(BytesIO(content), allow_pickle=False)
    return array


LISTS = {0: [4, 0, 6], 1: [1, 2], 3: [6, 7, 4, 5, 8, 11], 4: [5]}


def test_metrics_are_means_over_warm_users() -> None:
    judged = judge().judge(as_candidate(LISTS), Part.SELECT)
    third = (1 / np.log2(7)) / (1 + 1 / np.log2(3))
    per_user = [1 / np.log2(3), 1.0, third]
    assert judged.evaluation.n_units == 3
    assert judged.evaluation.metrics["ndcg@10"] == pytest.approx(np.mean(per_user))
    assert judged.evaluation.metrics["ndcg@5"] == pytest.approx(np.mean([per_user[0], 1.0, 0.0]))
    assert judged.evaluation.metrics["recall@10"] == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert judged.evaluation.metrics["mrr@10"] == pytest.approx((1 / 2 + 1 + 1 / 6) / 3)
    assert judged.evaluation.metrics["coverage@10"] == pytest.approx(9 / N_ITEMS)
    assert loaded(judged.per_unit) == pytest.approx(per_user)
    assert loaded(judged.per_unit).dtype == np.float32


def test_predictions_come_back_in_the_numbering_of_the_data_set() -> None:
    judged = judge().judge(as_candidate(LISTS, width=6), Part.SELECT)
    expected = [LISTS[user] + [-1] * (6 - len(LISTS[user])) for user in (0, 1, 3, 4)]
    assert loaded(judged.predictions).tolist() == expected


def test_cold_users_and_items_are_reported_apart() -> None:
    metrics = judge().judge(as_candidate(LISTS), Part.SELECT).evaluation.metrics
    assert metrics["cold_users/ndcg@10"] == pytest.approx(1.0)
    assert metrics["cold_items/recall@10"] == pytest.approx(1.0)
    all_warm = ground(warm=np.ones(4, dtype=bool), item_counts=np.ones(N_ITEMS, dtype=np.int64))
    without = judge(all_warm).judge(as_candidate(LISTS), Part.SELECT).evaluation.metrics
    assert not [name for name in without if name.startswith("cold")]


def test_seen_items_waste_their_place() -> None:
    clean = judge().judge(as_candidate({**LISTS, 0: [4, 0]}), Part.SELECT).evaluation.metrics
    wasteful = judge().judge(as_candidate({**LISTS, 0: [8, 9, 4, 0]}), Part.SELECT).evaluation.metrics
    assert clean["seen@10"] == 0.0
    assert wasteful["seen@10"] == pytest.approx(2 / 30)
    assert wasteful["ndcg@10"] < clean["ndcg@10"]


def test_a_ground_whose_relevant_items_were_seen_is_refused() -> None:
    with pytest.raises(ValueError, match="1 relevant items stand in the history"):
        ground(seen_items=np.array([8, 9, 0, 3], dtype=np.int32))


def test_a_narrow_list_counts_as_ending_in_empty_places() -> None:
    lists = {user: items[:1] for user, items in LISTS.items()}
    narrow = judge().judge(as_candidate(lists, width=1), Part.SELECT).evaluation
    padded = judge().judge(as_candidate(lists, width=10), Part.SELECT).evaluation
    assert narrow == padded


def test_cutoffs_beyond_the_lists_are_left_out_and_a_primary_among_them_is_refused() -> None:
    metrics = judge(cutoffs=(5, 10, 20, 50), top_k=100).judge(as_candidate(LISTS), Part.SELECT).evaluation.metrics
    assert "ndcg@10" in metrics and "ndcg@20" not in metrics
    with pytest.raises(UsageError, match=r"'ndcg@20'.*12 items"):
        judge(cutoffs=(5, 20), primary="ndcg@20")
    with pytest.raises(UsageError, match=r"'coverage@10'"):
        judge(primary="coverage@10")


def test_the_primary_metric_is_what_per_unit_holds() -> None:
    judged = judge(primary="recall@5").judge(as_candidate(LISTS), Part.SELECT)
    assert loaded(judged.per_unit).mean() == pytest.approx(judged.evaluation.metrics["recall@5"])


def test_malformed_predictions_are_refused() -> None:
    with pytest.raises(MalformedPredictions):
        judge().judge(npy(np.zeros((4, 3), dtype=np.int32)), Part.SELECT)


def test_a_part_without_warm_users_is_refused() -> None:
    with pytest.raises(DataError, match="'select' has no user"):
        judge(ground(warm=np.zeros(4, dtype=bool))).judge(as_candidate(LISTS), Part.SELECT)


def test_the_test_stays_sealed_until_the_ledger_holds_its_opening(tmp_path: Path) -> None:
    sealed = SealedJudge(judge())
    with pytest.raises(UsageError, match="the test is sealed"):
        sealed.judge(as_candidate(LISTS), Part.TEST)
    sealed.judge(as_candidate(LISTS), Part.CONFIRM)
    sealed.unseal(TestLedger(tmp_path / "ledger.db").open("data", "split", "run"))
    assert sealed.judge(as_candidate(LISTS), Part.TEST).evaluation.part is Part.TEST


def test_labels_of_the_test_are_not_asked_for_before_it_is_open() -> None:
    asked = []
    inner = ListJudge(
        truth=lambda part: asked.append(part) or ground(),  # type: ignore[func-returns-value]
        user_permutation=USER_PERMUTATION,
        item_permutation=ITEM_PERMUTATION,
        n_items=N_ITEMS,
        top_k=10,
    )
    sealed = SealedJudge(inner)
    with pytest.raises(UsageError):
        sealed.judge(as_candidate(LISTS), Part.TEST)
    sealed.judge(as_candidate(LISTS), Part.SELECT)
    assert asked == [Part.SELECT]


def test_many_users_are_marked_chunk_by_chunk_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    n_users, n_items = 700, 30_000
    lists = np.stack([rng.choice(n_items, 10, replace=False) for _ in range(n_users)]).astype(np.int32)
    relevant = np.stack([lists[:, 3], (lists[:, 0] + 1) % n_items], axis=1).ravel().astype(np.int32)
    truth = Ground(
        users=np.arange(n_users, dtype=np.int32),
        indptr=np.arange(n_users + 1) * 2,
        items=relevant,
        seen_indptr=np.zeros(n_users + 1, dtype=np.int64),
        seen_items=np.zeros(0, dtype=np.int32),
        warm=np.ones(n_users, dtype=bool),
        item_counts=np.ones(n_items, dtype=np.int64),
    )
    ours = ListJudge(
        truth=lambda _part: truth,
        user_permutation=np.arange(n_users),
        item_permutation=np.arange(n_items),
        n_items=n_items,
        primary="recall@5",
    )
    expected = [
        len(set(lists[user, :5].tolist()) & set(relevant[2 * user : 2 * user + 2].tolist())) / 2
        for user in range(n_users)
    ]
    assert loaded(ours.judge(npy(lists), Part.SELECT).per_unit) == pytest.approx(expected)


def test_the_fingerprint_estimates_how_much_two_candidates_share() -> None:
    rng = np.random.default_rng(1)
    first = np.stack([rng.choice(5000, 10, replace=False) for _ in range(300)]).astype(np.int32)
    second = first.copy()
    second[:150] = (second[:150] + 2500) % 5000
    prints = [fingerprint(lists, 5000) for lists in (first, first, second)]
    assert prints[0] == prints[1] and len(prints[0]) == 128 and all(0 <= value < 1 << 32 for value in prints[0])
    equal = np.mean(np.array(prints[0]) == np.array(prints[2]))
    assert equal == pytest.approx(1 / 3, abs=4 * 0.045), "half of the pairs are shared: Jaccard 1/3"
    assert fingerprint(np.full((3, 10), -1, dtype=np.int32), 5000) == ()
