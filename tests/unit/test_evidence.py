"""Paired intervals against scipy, and what they must do by themselves."""

from io import BytesIO

import numpy as np
import pytest
from scipy import stats

from autorec.domain.errors import DataError
from autorec.judging.evidence import compare, paired_interval

RNG = np.random.default_rng(7)
BASE = RNG.random(800)
BETTER = np.clip(BASE + RNG.normal(0.03, 0.2, 800), 0, 1)


def test_scipy_agrees_on_one_seed() -> None:
    ours = paired_interval(BETTER, BASE, seed=1)
    theirs = stats.bootstrap(
        (BETTER - BASE,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.effect == pytest.approx((BETTER - BASE).mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.06 * width)


def test_few_and_many_values_and_zeros_are_drawn_alike() -> None:
    """Counts of few values, rows one by one, and rows that are mostly zero: each by its own way, all as scipy does."""
    hits = RNG.choice([0.0, 0.5, 1.0], size=2000, p=[0.7, 0.1, 0.2])
    for ours in (hits, hits + RNG.normal(0, 0.1, 2000), np.where(hits > 0, hits + RNG.normal(0, 0.1, 2000), 0)):
        interval = paired_interval(ours, np.zeros(2000), draws=5000, seed=1)
        scipys = stats.bootstrap((ours,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(2))
        assert interval.low == pytest.approx(scipys.confidence_interval.low, abs=0.05 * interval.effect)
        assert interval.high == pytest.approx(scipys.confidence_interval.high, abs=0.05 * interval.effect)
        assert (interval.high - interval.low) / 3.92 == pytest.approx(scipys.standard_error, rel=0.06)


@pytest.mark.parametrize("n_units", [1, 5, 15, 100])
def test_no_difference_has_no_width(n_units: int) -> None:
    same = paired_interval(np.ones(n_units), np.ones(n_units), seed=1)
    assert (same.effect, same.low, same.high) == (0, 0, 0)


def test_the_t_interval_agrees_on_many_users_also_when_corrected() -> None:
    difference = BETTER - BASE
    for comparisons in (1, 5):
        tail = 0.05 / comparisons / 2
        half = stats.t.ppf(1 - tail, len(difference) - 1) * difference.std(ddof=1) / np.sqrt(len(difference))
        ours = paired_interval(BETTER, BASE, comparisons=comparisons, seed=3)
        assert (ours.high - ours.low) / 2 == pytest.approx(half, rel=0.1)
        assert ours.level == pytest.approx(1 - 0.05 / comparisons)


def test_pairing_makes_the_interval_narrower() -> None:
    paired = paired_interval(BETTER, BASE, seed=1)
    apart = paired_interval(BETTER, RNG.permutation(BASE), seed=1)
    assert paired.high - paired.low < 0.7 * (apart.high - apart.low)


def test_seeds_that_disagree_make_the_interval_wider() -> None:
    steady = np.stack([BETTER, BETTER, BETTER])
    moody = np.stack([BETTER - 0.05, BETTER, BETTER + 0.05])
    narrow, wide = paired_interval(steady, BASE, seed=1), paired_interval(moody, BASE, seed=1)
    assert narrow.effect == pytest.approx(wide.effect)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_an_interval_says_whether_it_excludes_zero() -> None:
    assert paired_interval(BASE + 0.1, BASE, seed=1).excludes_zero
    assert paired_interval(BASE - 0.1, BASE, seed=1).excludes_zero
    same = paired_interval(BASE, BASE, seed=1)
    assert (same.effect, same.low, same.high, same.excludes_zero) == (0, 0, 0, False)


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for number in range(200):
        sample = rng.normal(0.5, 1.0, 150)
        interval = paired_interval(sample, np.zeros(150), level=0.9, draws=400, seed=number)
        covered += interval.low <= 0.5 <= interval.high
    assert 0.83 <= covered / 200 <= 0.96


def test_seeds_decide_and_users_must_match() -> None:
    assert paired_interval(BETTER, BASE, seed=5) == paired_interval(BETTER, BASE, seed=5)
    assert paired_interval(BETTER, BASE, seed=5) != paired_interval(BETTER, BASE, seed=6)
    with pytest.raises(ValueError, match="a has 800 units and b 799"):
        paired_interval(BETTER, BASE[:-1], seed=1)


def test_stored_values_are_compared_the_same_way() -> None:
    interval = paired_interval(BETTER.astype(np.float32), BASE.astype(np.float32), comparisons=3, seed=4)
    assert compare(npy(BETTER), npy(BASE), 3, seed=4) == (interval.effect, interval.low, interval.high)


def test_other_units_are_refused_with_a_fix() -> None:
    with pytest.raises(DataError, match="800 units on one side and 799 on the other") as caught:
        compare(npy(BETTER), npy(BASE[:-1]), 1, seed=1)
    assert caught.value.fix


def npy(values: np.ndarray) -> bytes:
    buffer = BytesIO()
    np.save(buffer, values.astype(np.float32))
    return buffer.getvalue()
