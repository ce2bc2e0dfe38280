"""What must hold of every metric, whatever the lists."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autorec.judging import metrics
from autorec.judging.lists import PER_USER

rows = st.integers(1, 12).flatmap(
    lambda width: st.tuples(
        st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=5),
        st.integers(1, width),
        st.integers(0, 5),
    )
)


@settings(max_examples=100, deadline=None)
@given(rows)
def test_every_metric_equals_its_plain_definition(drawn: tuple[list[list[bool]], int, int]) -> None:
    lists, k, missed = drawn
    n_relevant = [sum(each) + missed for each in lists]
    hits, counts = np.array(lists, dtype=bool), np.array(n_relevant)
    for name, metric in PER_USER.items():
        expected = [plain(name, each[:k], n, k) for each, n in zip(lists, n_relevant, strict=True)]
        assert metric(hits, counts, k).tolist() == pytest.approx(expected), name


@settings(max_examples=100, deadline=None)
@given(rows)
def test_every_metric_lies_between_0_and_1_and_likes_hits_on_top(drawn: tuple[list[list[bool]], int, int]) -> None:
    lists, k, missed = drawn
    hits = np.array(lists, dtype=bool)
    counts = hits.sum(axis=1) + missed
    sorted_hits = -np.sort(-hits.astype(int), axis=1) > 0
    for metric in PER_USER.values():
        values, best = metric(hits, counts, k), metric(sorted_hits, counts, k)
        assert ((values >= 0) & (values <= best + 1e-12) & (best <= 1 + 1e-12)).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_gini_equals_the_mean_difference_between_items(counts: list[int]) -> None:
    exposure, n = np.array(counts), len(counts)
    if not exposure.sum():
        return
    apart = sum(abs(x - y) for x in counts for y in counts)
    assert metrics.gini(exposure) == pytest.approx(apart / (2 * n * sum(counts)))


def plain(name: str, top: list[bool], n_relevant: int, k: int) -> float:
    """The definitions once more, one user at a time and without numpy."""
    if n_relevant == 0:
        return 0.0
    ranks = [rank for rank, hit in enumerate(top, 1) if hit]
    match name:
        case "ndcg":
            ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(n_relevant, k) + 1))
            return sum(1 / math.log2(rank + 1) for rank in ranks) / ideal
        case "recall":
            return len(ranks) / n_relevant
        case "precision":
            return len(ranks) / k
        case "hitrate":
            return float(bool(ranks))
        case "mrr":
            return 1 / ranks[0] if ranks else 0.0
        case "map":
            return sum(found / rank for found, rank in enumerate(ranks, 1)) / n_relevant
    raise AssertionError(f"no plain definition of {name}")
