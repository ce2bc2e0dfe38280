"""What a prediction says, and what a measured difference says of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorec.domain.evaluation import Direction, Objective
from autorec.domain.hypothesis import Difference, Prediction, Verdict, read_prediction, verdict

NDCG = Objective(name="ndcg@10")
GINI = Objective(name="gini@10", direction=Direction.MINIMIZE)
UP, DOWN, UNSAID = Prediction(sign=1, size=0.01), Prediction(sign=-1, size=0.01), Prediction()


@pytest.mark.parametrize(
    ("text", "sign", "size"),
    [
        (None, 0, None),
        ("", 0, None),
        ("it gets better", 0, None),
        ("ndcg@10 +0.01", 1, 0.01),
        ("NDCG@10: +.01 over the parent", 1, 0.01),
        ("ndcg + 0.02", 1, 0.02),
        ("+0.005", 1, 0.005),
        ("ndcg@10 −0.02, since order is gone", -1, 0.02),
        ("ndcg@10 -2e-3", -1, 0.002),
        ("ndcg@10 +5%", 1, None),
        ("ndcg@10 - 5 %", -1, None),
        ("recall@20 +0.02, ndcg@10 +0.01", 1, 0.01),
        ("ndcg@10 as before, recall@20 +0.02", 0, None),
        ("recall@20 +0.02", 0, None),
        ("ndcg@5 +0.02", 0, None),
        ("ndcg@100 +0.02", 0, None),
        ("ndcg@10 above 0.12 with SASRec-2 and a top-10 list", 0, None),
        ("ndcg@10 +0.005 if it holds, no difference if not", 1, 0.005),
        ("ndcg@10 +0.0", 0, 0.0),
        ("+0.02 recall", 0, None),
        ("auc +0.02", 0, None),
        ("training loss -0.1", 0, None),
        ("ndcg@10 rises as the log-loss falls by -0.1", 0, None),
        ("ndcg@10 as before; dropout +0.1", 0, None),
        ("better than the best by +0.1", 0, None),
        ("predict_s -0.5", 0, None),
        ("-0.5 seconds", 0, None),
        ("beats the best ndcg@10 so far: ndcg@10 +0.01", 1, 0.01),
    ],
)
def test_the_number_that_follows_the_metric_is_the_prediction(text, sign, size):
    assert read_prediction(text, "ndcg@10") == Prediction(sign=sign, size=size)


@pytest.mark.parametrize(
    ("text", "metric", "expected"),
    [
        ("auc +0.002", "auc", Prediction(sign=1, size=0.002)),
        ("gauc +0.002", "auc", UNSAID),
        ("AUC +0.002, logloss -0.01", "logloss", DOWN),
        ("AUC +0.002, logloss -0.01", "auc", Prediction(sign=1, size=0.002)),
        ("training loss -0.01", "logloss", UNSAID),
    ],
)
def test_the_primary_metric_goes_by_its_whole_name(text, metric, expected):
    assert read_prediction(text, metric) == expected


def test_less_log_loss_is_better():
    less = Difference(effect=-0.015, low=-0.02, high=-0.01)
    logloss = Objective(name="logloss", direction=Direction.MINIMIZE)
    told = read_prediction("logloss -0.01", "logloss")
    assert verdict(less, told, logloss)[0] is verdict(less, UNSAID, logloss)[0] is Verdict.CONFIRMED
    assert verdict(less, read_prediction("logloss +0.01", "logloss"), logloss)[0] is Verdict.REFUTED


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading(text):
    read = read_prediction(text, "ndcg@10")
    assert read.size is None or read.size >= 0


@pytest.mark.parametrize(
    ("low", "high", "prediction", "expected", "why"),
    [
        (0.001, 0.02, UNSAID, Verdict.CONFIRMED, ""),
        (0.001, 0.02, UP, Verdict.CONFIRMED, ""),
        (0.001, 0.009, UP, Verdict.CONFIRMED, "less than predicted"),
        (0.02, 0.03, UP, Verdict.CONFIRMED, ""),
        (-0.03, -0.01, UNSAID, Verdict.REFUTED, "other way"),
        (-0.03, -0.01, UP, Verdict.REFUTED, "other way"),
        (-0.004, 0.009, UP, Verdict.REFUTED, "excludes the predicted size"),
        (-0.004, 0.011, UP, Verdict.OPEN, "includes zero"),
        (-0.004, 0.009, UNSAID, Verdict.OPEN, "includes zero"),
        (0.0, 0.02, UNSAID, Verdict.OPEN, "includes zero"),
        (-0.03, -0.01, DOWN, Verdict.CONFIRMED, ""),
        (0.001, 0.02, DOWN, Verdict.REFUTED, "other way"),
        (-0.009, 0.004, DOWN, Verdict.REFUTED, "excludes the predicted size"),
        (-0.02, -0.01, Prediction(size=0.0), Verdict.REFUTED, "none was predicted"),
        (-0.02, 0.01, Prediction(size=0.0), Verdict.OPEN, "does not show"),
    ],
)
def test_the_interval_decides(low, high, prediction, expected, why):
    found, said = verdict(Difference(effect=(low + high) / 2, low=low, high=high), prediction, NDCG)
    assert found is expected
    assert why in said


ENDS = st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted)
SIZES = st.none() | st.floats(0, 1)


@given(ENDS, st.sampled_from([-1, 0, 1]), SIZES)
def test_what_is_minimised_mirrors_what_is_maximised(ends, sign, size):
    low, high = ends
    there = Difference(effect=0.0, low=low, high=high)
    mirrored = Difference(effect=0.0, low=-high, high=-low)
    prediction = Prediction(sign=sign, size=size)
    opposite = Prediction(sign=-sign, size=size)
    assert verdict(there, prediction, NDCG) == verdict(mirrored, opposite, GINI)


@given(ENDS, st.sampled_from([-1, 1]), st.floats(0.001, 1))
def test_opposite_predictions_are_never_both_confirmed(ends, sign, size):
    there = Difference(effect=0.0, low=ends[0], high=ends[1])
    found = {verdict(there, Prediction(sign=s, size=size), NDCG)[0] for s in (sign, -sign)}
    assert found != {Verdict.CONFIRMED}
