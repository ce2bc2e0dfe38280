"""The metrics against values worked out by hand, and against ranx."""

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from autorec.judging import metrics
from autorec.judging.lists import PER_USER

HITS = np.array([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)
N_RELEVANT = np.array([3, 1, 2, 6])


@pytest.mark.parametrize(
    ("name", "k", "expected"),
    [
        ("ndcg", 4, [(1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3) + 1 / 2), 1, 0, 1]),
        ("ndcg", 1, [0, 1, 0, 1]),
        ("recall", 4, [2 / 3, 1, 0, 4 / 6]),
        ("recall", 2, [1 / 3, 1, 0, 2 / 6]),
        ("precision", 4, [2 / 4, 1 / 4, 0, 1]),
        ("hitrate", 1, [0, 1, 0, 1]),
        ("hitrate", 2, [1, 1, 0, 1]),
        ("mrr", 4, [1 / 2, 1, 0, 1]),
        ("mrr", 1, [0, 1, 0, 1]),
        ("map", 4, [(1 / 2 + 2 / 4) / 3, 1, 0, 4 / 6]),
        ("map", 2, [(1 / 2) / 3, 1, 0, 2 / 6]),
    ],
)
def test_by_hand(name: str, k: int, expected: list[float]) -> None:
    assert_allclose(PER_USER[name](HITS, N_RELEVANT, k), expected)


@pytest.mark.parametrize("name", PER_USER)
def test_a_user_with_nothing_to_find_gets_zero(name: str) -> None:
    hits = np.zeros((1, 3), dtype=bool)
    assert PER_USER[name](hits, np.array([0]), 3).tolist() == [0.0]


@pytest.mark.parametrize("name", PER_USER)
@pytest.mark.parametrize("k", [0, 5])
def test_k_beyond_the_lists_is_refused(name: str, k: int) -> None:
    with pytest.raises(ValueError, match=rf"k is {k}; expected 1 to 4"):
        PER_USER[name](HITS, N_RELEVANT, k)


def test_exposure_counts_places_and_no_padding() -> None:
    lists = np.array([[0, 1, -1], [1, 3, 0]], dtype=np.int32)
    assert metrics.exposure_of(lists, 5).tolist() == [2, 2, 0, 1, 0]
    assert metrics.exposure_of(lists[:, :1], 5).tolist() == [1, 1, 0, 0, 0]


def test_coverage_is_the_share_of_the_catalogue() -> None:
    assert metrics.coverage(np.array([3, 0, 1, 0])) == 0.5


def test_gini_is_0_when_even_and_near_1_when_concentrated() -> None:
    assert metrics.gini(np.array([2, 2, 2, 2])) == pytest.approx(0)
    assert metrics.gini(np.array([0, 0, 0, 8])) == pytest.approx(3 / 4)
    assert metrics.gini(np.array([1, 3])) == pytest.approx(1 / 4)
    assert metrics.gini(np.zeros(4, dtype=np.int64)) == 1.0


def test_novelty_is_self_information_in_bits() -> None:
    item_counts = np.array([4, 2, 1, 1, 0])
    assert metrics.novelty(np.array([1, 0, 0, 0, 0]), item_counts) == pytest.approx(1)
    assert metrics.novelty(np.array([1, 1, 0, 0, 0]), item_counts) == pytest.approx((1 + 2) / 2)
    assert metrics.novelty(np.array([0, 0, 0, 0, 7]), item_counts) == pytest.approx(3), "unseen counts as seen once"
    assert metrics.novelty(np.zeros(5, dtype=np.int64), item_counts) == 0.0


@pytest.fixture(scope="module")
def by_ranx() -> dict[str, Any]:
    """Lists over 60 items for 200 users, some short, and what ranx makes of them."""
    rng = np.random.default_rng(3)
    qrels, run, hits = {}, {}, np.zeros((200, 20), dtype=bool)
    for user in range(200):
        relevant = set(rng.choice(60, rng.integers(1, 15), replace=False).tolist())
        shown = rng.permutation(60)[: rng.integers(5, 21)].tolist()
        qrels[f"u{user}"] = {f"i{item}": 1 for item in relevant}
        run[f"u{user}"] = {f"i{item}": 1.0 - place / 100 for place, item in enumerate(shown)}
        hits[user, : len(shown)] = [item in relevant for item in shown]
    names = ("ndcg", "recall", "precision", "hit_rate", "mrr", "map")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ranx import Qrels, Run, evaluate

        found = evaluate(Qrels(qrels), Run(run), [f"{name}@{k}" for k in (1, 5, 10, 20) for name in names])
    return {"hits": hits, "n_relevant": np.array([len(each) for each in qrels.values()]), "found": found}


@pytest.mark.parametrize("k", [1, 5, 10, 20])
@pytest.mark.parametrize("name", PER_USER)
def test_ranx_agrees(by_ranx: dict[str, Any], name: str, k: int) -> None:
    ours = PER_USER[name](by_ranx["hits"], by_ranx["n_relevant"], k).mean()
    theirs = by_ranx["found"][f"{'hit_rate' if name == 'hitrate' else name}@{k}"]
    assert ours == pytest.approx(theirs, abs=1e-6)
