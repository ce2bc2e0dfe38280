"""The judge of probabilities: order of rows, units, refusals."""

from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest

from autorec.domain.errors import DataError, MalformedPredictions, UsageError
from autorec.domain.job import Part
from autorec.judging.pairs import PairJudge

RNG = np.random.default_rng(3)
LABELS = RNG.random(60) < 0.4
USERS = RNG.integers(0, 9, 60)
ASKED = RNG.permutation(60)
SCORES = RNG.random(60).astype(np.float32)


def judge(*, labels=LABELS, users=USERS, **options):
    truth = SimpleNamespace(labels=labels, users=users, asked=ASKED)
    options = {"cutoffs": (5,), "has_users": users is not None} | options
    return PairJudge(truth=lambda part: truth, **options)


def npy(array):
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def loaded(content):
    return np.load(BytesIO(content), allow_pickle=False)


def test_answers_go_back_to_the_order_of_the_data():
    judged = judge().judge(npy(SCORES[ASKED]), Part.SELECT)
    assert loaded(judged.predictions).tolist() == SCORES.tolist()
    pairs = SCORES[LABELS][:, None] > SCORES[~LABELS]
    assert judged.evaluation.metrics["auc"] == pytest.approx(pairs.mean())


@pytest.mark.parametrize(("primary", "n_units"), [("auc", 9), ("logloss", 9), ("gauc", 9), ("ndcg@5", 9)])
def test_units_are_users_and_their_mean_is_the_metric(primary, n_units):
    judged = judge(primary=primary).judge(npy(SCORES[ASKED]), Part.SELECT)
    assert judged.evaluation.n_units == len(loaded(judged.per_unit)) == n_units
    assert loaded(judged.per_unit).dtype == np.float32
    assert loaded(judged.per_unit).mean() == pytest.approx(judged.evaluation.metrics[primary], abs=1e-6)
    assert set(judged.evaluation.metrics) == {"auc", "logloss", "gauc", "ndcg@5", "ece", "calibration"}


def test_without_users_units_are_rows():
    judged = judge(users=None).judge(npy(SCORES[ASKED]), Part.SELECT)
    assert judged.evaluation.n_units == 60
    assert set(judged.evaluation.metrics) == {"auc", "logloss", "ece", "calibration"}
    with pytest.raises(UsageError, match="'gauc'; with this data it can be auc, logloss") as caught:
        judge(users=None, primary="gauc")
    assert "--columns user=" in caught.value.fix


def test_rows_that_name_no_user_are_units_of_their_own():
    users = np.where(np.arange(60) < 25, -1, USERS % 3)
    judged = judge(users=users).judge(npy(SCORES[ASKED]), Part.SELECT)
    assert judged.evaluation.n_units == len(loaded(judged.per_unit)) == 25 + 3
    metrics = judged.evaluation.metrics
    assert loaded(judged.per_unit).mean() == pytest.approx(metrics["auc"], abs=1e-6)
    others = judge(labels=LABELS, users=np.where(users < 0, np.arange(60) + 100, users), primary="gauc")
    apart = others.judge(npy(SCORES[ASKED]), Part.SELECT).evaluation
    assert apart.n_units == 3
    assert {name: metrics[name] for name in ("gauc", "ndcg@5")} == {n: apart.metrics[n] for n in ("gauc", "ndcg@5")}


def test_where_no_row_names_a_user_units_are_rows():
    judged = judge(users=np.full(60, -1)).judge(npy(SCORES[ASKED]), Part.SELECT)
    assert judged.evaluation.n_units == 60
    assert "gauc" not in judged.evaluation.metrics


def test_a_constant_is_worth_half():
    metrics = judge().judge(npy(np.full(60, 0.4, dtype=np.float32)), Part.SELECT).evaluation.metrics
    assert metrics["auc"] == pytest.approx(0.5)
    assert metrics["gauc"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(SCORES[:-1]), r"shape \(59,\); expected \(60,\)"),
        (npy(SCORES[:, None]), r"shape \(60, 1\)"),
        (npy(SCORES.astype(np.float64)), "holds '<f8'; expected float32"),
        (npy(np.where(np.arange(60) == 7, np.nan, SCORES).astype(np.float32)), "row 7 .* holds nan"),
        (npy(SCORES - 1), "expected a probability from 0 to 1, and so of"),
        (npy(SCORES)[:-4], "holds 236 bytes after its header; expected 240"),
        (b"PK", "expected a .npy file"),
    ],
)
def test_what_breaks_the_contract_is_refused(content, message):
    with pytest.raises(MalformedPredictions, match=message):
        judge().judge(content, Part.SELECT)


def test_a_part_with_one_label_only_is_refused():
    with pytest.raises(DataError, match="'select' has 0 clicks in 60 rows"):
        judge(labels=np.zeros(60, dtype=bool)).judge(npy(SCORES), Part.SELECT)


def test_the_same_rows_on_top_have_the_same_signature():
    first, second, other = (
        judge().judge(npy(scores), Part.SELECT).evaluation.fingerprint
        for scores in (SCORES[ASKED], SCORES[ASKED] / 2, 1 - SCORES[ASKED])
    )
    assert first == second != other
