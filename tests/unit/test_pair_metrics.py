"""Metrics of probabilities, against references that are written another way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from autorec.judging import pair_metrics as metrics
from autorec.judging.evidence import paired_interval

RNG = np.random.default_rng(7)
N = 1200
USERS = np.unique(RNG.integers(0, 120, N), return_inverse=True)[1]
OF_USER = RNG.normal(0, 1.0, USERS.max() + 1)
LABELS = RNG.random(N) < 1 / (1 + np.exp(1.3 - OF_USER[USERS]))
GOOD = np.clip(np.round(0.3 + 0.1 * OF_USER[USERS] + 0.1 * LABELS + RNG.normal(0, 0.1, N), 2), 0, 1)
POOR = np.clip(np.round(0.3 + 0.05 * OF_USER[USERS] + 0.05 * LABELS + RNG.normal(0, 0.1, N), 2), 0, 1)


def area(labels, scores):
    """By ranks: the Mann-Whitney statistic over the number of pairs."""
    ranks, clicks = stats.rankdata(scores), labels.sum()
    return (ranks[labels].sum() - clicks * (clicks + 1) / 2) / (clicks * (len(labels) - clicks))


labelled = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(label for label, _ in rows) < len(rows)
)


@given(labelled)
def test_the_area_counts_pairs_with_ties_as_half(rows):
    labels, scores = np.array([r[0] for r in rows]), np.array([r[1] / 8 for r in rows])
    pairs = [(a > b) + (a == b) / 2 for a in scores[labels] for b in scores[~labels]]
    assert metrics.auc_by_row(labels, scores).mean() == pytest.approx(np.mean(pairs))
    assert metrics.auc_by_row(labels, np.full(len(rows), 0.3)).mean() == pytest.approx(0.5)


def test_the_area_against_scipy():
    greater = stats.mannwhitneyu(GOOD[LABELS], GOOD[~LABELS]).statistic
    assert metrics.auc_by_row(LABELS, GOOD).mean() == pytest.approx(greater / (LABELS.sum() * (~LABELS).sum()))


def test_its_spread_is_that_of_delong():
    """Var = S10 / m + S01 / n with population variances of the placement values (DeLong et al. 1988)."""
    above = (GOOD[LABELS][:, None] > GOOD[~LABELS]) + 0.5 * (GOOD[LABELS][:, None] == GOOD[~LABELS])
    expected = above.mean(1).var() / LABELS.sum() + above.mean(0).var() / (~LABELS).sum()
    assert metrics.auc_by_row(LABELS, GOOD).var() / N == pytest.approx(expected)


def test_the_paired_interval_is_that_of_an_area_worked_out_anew_on_drawn_rows():
    ours = paired_interval(metrics.auc_by_row(LABELS, GOOD), metrics.auc_by_row(LABELS, POOR), seed=1)
    drawn = [RNG.integers(0, N, N) for _ in range(1000)]
    effects = [area(LABELS[d], GOOD[d]) - area(LABELS[d], POOR[d]) for d in drawn]
    low, high = np.quantile(effects, (0.025, 0.975))
    assert ours.effect == pytest.approx(area(LABELS, GOOD) - area(LABELS, POOR))
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.15 * (high - low))


@pytest.mark.parametrize("name", ["auc", "logloss"])
def test_intervals_over_users_are_those_of_the_metric_worked_out_anew_on_drawn_users(name):
    by_row = {"auc": metrics.auc_by_row, "logloss": metrics.logloss_by_row}[name]
    anew = {"auc": area, "logloss": lambda labels, scores: metrics.logloss_by_row(labels, scores).mean()}[name]
    ours = paired_interval(
        metrics.by_user(by_row(LABELS, GOOD), USERS), metrics.by_user(by_row(LABELS, POOR), USERS), seed=1
    )
    rows = [np.flatnonzero(user == USERS) for user in range(USERS.max() + 1)]
    effects = []
    for _ in range(1000):
        d = np.concatenate([rows[user] for user in RNG.integers(0, len(rows), len(rows))])
        effects.append(anew(LABELS[d], GOOD[d]) - anew(LABELS[d], POOR[d]))
    low, high = np.quantile(effects, (0.025, 0.975))
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.15 * (high - low))


def test_rows_that_only_repeat_say_nothing_new():
    """Each row four times, as one user: the spread is that of the rows once, not half of it."""
    once = metrics.auc_by_row(LABELS, GOOD)
    repeated = metrics.auc_by_row(np.repeat(LABELS, 4), np.repeat(GOOD, 4))
    by_user = metrics.by_user(repeated, np.repeat(np.arange(N), 4))
    assert by_user == pytest.approx(once)
    assert repeated.std() / (4 * N) ** 0.5 == pytest.approx(once.std() / N**0.5 / 2)


def test_log_loss_is_natural_and_clipped():
    labels, scores = np.array([True, False, True]), np.array([0.8, 0.3, 0.0])
    expected = [-np.log(0.8), -np.log(0.7), -np.log(1e-7)]
    assert metrics.logloss_by_row(labels, scores).tolist() == pytest.approx(expected)
    assert metrics.logloss_by_row(~labels, 1 - scores).tolist() == pytest.approx(expected)


def test_grouped_area_weighs_users_by_their_rows():
    lists = metrics.UserLists.of(LABELS, USERS)
    rows = [np.flatnonzero(user == USERS) for user in range(USERS.max() + 1)]
    rows = [r for r in rows if 0 < LABELS[r].sum() < len(r)]
    areas = [area(LABELS[r], GOOD[r]) for r in rows]
    assert len(lists) == len(rows)
    assert metrics.auc_of_users(lists, LABELS, GOOD).tolist() == pytest.approx(areas)
    expected = np.average(areas, weights=[len(r) for r in rows])
    assert metrics.gauc_by_user(lists, LABELS, GOOD).mean() == pytest.approx(expected)
    assert metrics.gauc_by_user(lists, LABELS, OF_USER[USERS] / 10 + 0.5).mean() == pytest.approx(0.5)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_ndcg_puts_ties_against_the_candidate(k):
    lists = metrics.UserLists.of(LABELS, USERS)
    expected = []
    for user in range(USERS.max() + 1):
        r = np.flatnonzero(user == USERS)
        if 0 < LABELS[r].sum() < len(r):
            ranked = sorted(zip(-GOOD[r], LABELS[r], strict=True))
            gain = sum(label / np.log2(place + 2) for place, (_, label) in enumerate(ranked[:k]))
            expected.append(gain / sum(1 / np.log2(i + 2) for i in range(min(k, LABELS[r].sum()))))
    assert metrics.ndcg_by_user(lists, LABELS, GOOD, k).tolist() == pytest.approx(expected)
    assert (
        metrics.ndcg_by_user(lists, LABELS, np.zeros(N), k).mean() < metrics.ndcg_by_user(lists, LABELS, GOOD, k).mean()
    )


def test_calibration_by_hand():
    labels, scores = np.array([True, False, False, True]), np.array([0.9, 0.91, 0.1, 1.0])
    assert metrics.calibration(labels, scores) == pytest.approx(2.91 / 2)
    # bins of 1/15: 0.9 and 0.91 share one (mean 0.905 against 0.5), 0.1 and 1.0 stand alone
    assert metrics.calibration_error(labels, scores) == pytest.approx((2 * 0.405 + 0.1 + 0.0) / 4)


def test_probabilities_that_are_true_are_calibrated():
    truth = RNG.random(200_000)
    labels = RNG.random(200_000) < truth
    assert metrics.calibration(labels, truth) == pytest.approx(1, abs=0.01)
    assert metrics.calibration_error(labels, truth) < 0.01 < 0.2 < metrics.calibration_error(labels, truth**3)
