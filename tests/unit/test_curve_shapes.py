"""Learning curves in a word."""

import pytest

from autorec.domain.curve import SAID, shape_of
from autorec.domain.diagnosis import CurveShape
from autorec.domain.evaluation import CurvePoint, Direction, Objective

AUC = Objective(name="auc")
LOGLOSS = Objective(name="logloss", direction=Direction.MINIMIZE)


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        ((0.1,), CurveShape.SHORT),
        ((), CurveShape.SHORT),
        ((0.1, float("nan")), CurveShape.SHORT),
        ((0.01, 0.07), CurveShape.RISING),
        ((0.01, 0.05, 0.08, 0.1, 0.11, 0.12), CurveShape.RISING),
        ((0.01, 0.05, 0.08, 0.1, 0.12, 0.119), CurveShape.RISING),
        ((0.01, 0.08, 0.1, 0.119, 0.12, 0.1201), CurveShape.SETTLED),
        ((0.01, 0.1, 0.12, 0.119, 0.118, 0.12, 0.119, 0.119), CurveShape.SETTLED),
        ((0.01, 0.1, 0.12, 0.11, 0.1, 0.09), CurveShape.OVERFIT),
        ((0.12, 0.11, 0.1, 0.09), CurveShape.OVERFIT),
        ((0.01, 0.1, 0.03, 0.11, 0.04, 0.12), CurveShape.UNSTABLE),
        ((0.1, 0.1004, 0.1002, 0.1003), CurveShape.FLAT),
        ((0.0, 0.0, 0.0), CurveShape.FLAT),
    ],
)
def test_shapes(values, shape):
    curve = [CurvePoint(training_s=float(at), value=value, predict_s=0.1) for at, value in enumerate(values)]
    assert shape_of(curve, AUC) is shape


def test_a_loss_that_grows_again_is_overfit():
    curve = [CurvePoint(training_s=1.0, value=value, predict_s=0.1) for value in (0.6, 0.45, 0.49, 0.6, 0.9)]
    assert shape_of(curve, LOGLOSS) is CurveShape.OVERFIT


def test_every_shape_has_words():
    assert set(SAID) == set(CurveShape)
