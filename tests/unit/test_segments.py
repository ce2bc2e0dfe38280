"""Who gains and who loses, and what counts as clear, where several rows or items are one user's."""

from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest

from autorec.domain.diagnosis import Answered
from autorec.domain.evaluation import Direction, Objective
from autorec.domain.job import Part
from autorec.judging.pair_examiner import PairExaminer
from autorec.judging.pairs import PairJudge
from autorec.judging.segments import LEAST, Grouping

PRIMARIES = (Objective(name="auc"), Objective(name="gauc"), Objective(name="logloss", direction=Direction.MINIMIZE))


@pytest.mark.parametrize("primary", PRIMARIES, ids=lambda each: each.name)
def test_a_user_whose_rows_stay_as_they_were_neither_gains_nor_loses(primary):
    """Whatever is searched for: a contribution to a metric moves with the rows of others."""
    rng = np.random.default_rng(0)
    users = np.repeat([0, *range(1, 50), -1], [400, *[5] * 49, 5]).astype(np.int32)
    labels, before = rng.random(len(users)) < 0.3, rng.uniform(0.2, 0.4, len(users))
    after = np.where(users == 0, np.where(labels, 0.9, 0.1), before)
    after[-1] = 0.5 * before[-1] if labels[-1] else 2 * before[-1]
    known = np.zeros(len(users), dtype=np.int64)
    truth = SimpleNamespace(labels=labels, users=users, asked=np.arange(len(users)), activity=known, unknown=known)
    judge = PairJudge(truth=lambda part: truth, has_users=True, cutoffs=(5,), primary=primary.name)

    def answered(scores):
        buffer = BytesIO()
        np.save(buffer, scores.astype(np.float32))
        judged = judge.judge(buffer.getvalue(), Part.SELECT)
        return Answered(predictions=judged.predictions, per_unit=judged.per_unit)

    contrast = PairExaminer({"truth": lambda part: truth}, primary).compare(answered(after), answered(before))
    assert (contrast.gained, contrast.lost, contrast.unchanged) == (1, 1, 53)


def test_rows_of_equal_probability_share_their_clicks_among_the_tenths():
    rng = np.random.default_rng(2)
    labels, scores = np.sort(rng.random(1000) < 0.3), np.repeat(np.float32([0.3, 0.9]), [950, 50])
    known = np.zeros(len(labels), dtype=np.int64)
    truth = SimpleNamespace(labels=labels, users=None, asked=np.arange(len(labels)), activity=None, unknown=known)
    buffer = BytesIO()
    np.save(buffer, scores)
    examiner = PairExaminer({"truth": lambda part: truth}, PRIMARIES[0])
    tenths = examiner.examine(Answered(predictions=buffer.getvalue(), per_unit=b"")).balances
    low, high = labels[:950].mean(), labels[950:].mean()
    assert [tenth.wanted for tenth in tenths[:9]] == [pytest.approx(low, abs=0.005)] * 9
    assert tenths[9].wanted == pytest.approx((low + high) / 2, abs=0.005)


def test_what_one_owner_gains_on_many_things_is_one_gain():
    """Of users whose things move together, a difference is no clearer than if each had one thing."""
    rng = np.random.default_rng(1)
    n_owners, each = 2 * LEAST, 50
    owners = np.repeat(np.arange(n_owners), each)
    alike = {"group": "g", "names": ("a", "b"), "spans": ("", ""), "measure": "m"}
    called = dict.fromkeys(("alone", "together"), 0)
    for _ in range(200):
        drawn = rng.standard_normal(n_owners)
        once = Grouping(**alike, codes=np.zeros(n_owners, dtype=np.int64)).gains(drawn)
        often = Grouping(**alike, codes=np.zeros(len(owners), dtype=np.int64), owners=owners).gains(drawn[owners])
        assert often == once
        apart = Grouping(**alike, codes=np.zeros(len(owners), dtype=np.int64)).gains(drawn[owners])
        called["together"] += once[0].clear
        called["alone"] += apart[0].clear
    assert called["together"] < 30 < 100 < called["alone"]


def test_few_owners_tell_nothing_however_many_things_they_have():
    owners = np.repeat(np.arange(LEAST - 1), 50)
    codes = np.zeros(len(owners), dtype=np.int64)
    grouping = Grouping(group="g", names=("a",), spans=("",), measure="m", codes=codes, owners=owners)
    assert [gain.clear for gain in grouping.gains(np.ones(len(owners)))] == [False]
