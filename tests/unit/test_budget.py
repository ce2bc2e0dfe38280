import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorec.domain.budget import (
    END_S,
    JOB_OVERHEAD_S,
    START_UP_S,
    again_s,
    baselines_in_time,
    enough_s,
    judging_s,
    overhead_s,
    plan_time,
)
from autorec.domain.evaluation import CurvePoint, Trained
from autorec.domain.job import OutcomeKind, Stage, Usage


@given(
    budget=st.floats(10, 1e5), workers=st.integers(1, 64), finalists=st.integers(1, 10), baselines=st.integers(0, 10)
)
def test_the_parts_of_a_budget_fit_into_it(budget, workers, finalists, baselines):
    plan = plan_time(
        budget, workers=workers, finalists=finalists, baselines=baselines, slow_baselines=min(baselines, 1)
    )
    assert plan.training_s > 0
    assert 1 <= plan.finalists <= finalists
    assert plan.fits or plan.finalists == 1
    if plan.fits:
        assert 0 < plan.last_start_s() < budget - plan.reserve_s


def test_the_reserve_holds_finalists_and_the_final_stage():
    plan = plan_time(900, workers=2, finalists=3, baselines=5, slow_baselines=1)
    assert plan.training_s == 75
    assert plan.reserve_s >= 3 * 75  # two rounds of finalists, one of champion and slow baseline


def test_a_given_training_time_is_kept():
    assert plan_time(900, workers=2, finalists=3, baselines=5, slow_baselines=1, training_s=10).training_s == 10


def test_a_short_budget_takes_fewer_finalists_and_a_shorter_one_does_not_fit():
    plans = [plan_time(b, workers=2, finalists=3, baselines=5, slow_baselines=1) for b in (900, 65, 20)]
    assert [p.finalists for p in plans] == [3, 2, 1]
    assert [p.fits for p in plans] == [True, True, False]


def trained(took_s: float, training_s: float, predict_s: float = 0.1, validations: int = 1) -> Trained:
    point = CurvePoint(training_s=training_s, value=0.1, predict_s=predict_s)
    return Trained(
        candidate="c",
        stage=Stage.SEARCH,
        seed=1,
        outcome=OutcomeKind.COMPLETED,
        reason="",
        tier="fake",
        usage=Usage(training_s=training_s),
        took_s=took_s,
        predict_s=predict_s,
        curve=(point,) * validations,
    )


def kept_back_s(*rivals: Trained) -> float:
    plan = plan_time(900, workers=2, finalists=1, baselines=5, slow_baselines=1)
    overhead_s = min((overhead_of(each) for each in rivals), default=JOB_OVERHEAD_S)
    return plan.last_start_s() - plan.last_start_s(rivals) - (overhead_s - JOB_OVERHEAD_S)


def overhead_of(rival: Trained) -> float:
    return rival.took_s - rival.usage.training_s


AS_PLANNED = trained(took_s=77.5, training_s=75)


def test_rivals_that_are_as_quick_as_planned_keep_nothing_more_back():
    assert kept_back_s(AS_PLANNED, AS_PLANNED) == 0


def test_slow_predictors_end_the_search_earlier():
    """Twice a training with all its validations, twice a single prediction, on two workers; one job ends last."""
    slow = trained(took_s=95, training_s=75, predict_s=4, validations=4)
    beyond_s = 95 - 75 - 2.5
    assert kept_back_s(slow, AS_PLANNED) == pytest.approx((2 * beyond_s + 2 * (beyond_s - 3 * 4)) / 2 + beyond_s)


def test_many_quick_validations_are_not_taken_for_slow_predictions():
    many, one = trained(95, 75, 0.5, validations=35), trained(95, 75, 17.5)
    assert kept_back_s(many) < kept_back_s(one) == 3 * (95 - 75 - 2.5)


def test_a_busy_machine_keeps_more_back_but_no_more_than_half_the_budget():
    assert kept_back_s(trained(took_s=9, training_s=1)) > 0
    plan = plan_time(900, workers=2, finalists=1, baselines=5, slow_baselines=1)
    crawling = [trained(took_s=150, training_s=75)] * 6
    assert plan.last_start_s(crawling) == 450 - plan.training_s - 75


def test_without_hope_only_the_time_to_judge_kept_states_is_kept_back():
    plan = plan_time(75, workers=2, finalists=2, baselines=5, slow_baselines=1)
    busy = [trained(took_s=5, training_s=1)] * 5
    judged_s = END_S + 4 * (1 + 3)  # one on confirm, six on the test, two at a time
    assert plan.last_start_s(busy, hope=False) == 75 - judged_s - plan.training_s - 4
    assert plan.last_start_s(busy, hope=False) > plan.last_start_s(busy)


@given(
    budget=st.floats(30, 1e4),
    workers=st.integers(1, 8),
    took=st.lists(st.floats(0, 300), max_size=8),
)
def test_without_hope_the_search_never_ends_earlier(budget, workers, took):
    plan = plan_time(budget, workers=workers, finalists=3, baselines=5, slow_baselines=1)
    rivals = [trained(took_s=each, training_s=1) for each in took]
    assert 0 <= plan.last_start_s(rivals) <= plan.last_start_s(rivals, hope=False) < budget


def test_training_again_takes_what_it_took_and_a_judgement():
    once = trained(took_s=20, training_s=12, predict_s=0.5, validations=5)
    assert overhead_s(once) == 8
    assert judging_s(once) == 8 - 4 * 0.5
    assert again_s(once) == 20 + 6
    recalled = trained(took_s=0.01, training_s=12)
    assert again_s(recalled) == 12 + 2 * JOB_OVERHEAD_S


def in_time(budget_s: float, workers: int = 1, training_s: float = 10.0) -> tuple[str, ...]:
    names, slow = ("quick", "slow", "swift", "slower"), ("slow", "slower")
    return baselines_in_time(names, slow, budget_s=budget_s, training_s=training_s, workers=workers)


def test_quick_baselines_are_taken_first_and_the_order_stays():
    assert in_time(1000) == ("quick", "slow", "swift", "slower")
    assert in_time(START_UP_S + 4 * JOB_OVERHEAD_S) == ("quick", "swift")
    assert in_time(START_UP_S + 6 * JOB_OVERHEAD_S + 10) == ("quick", "slow", "swift")
    assert in_time(START_UP_S) == ()


def test_more_workers_have_time_for_more_baselines():
    assert in_time(START_UP_S + 4 * JOB_OVERHEAD_S + 10, workers=2) == ("quick", "slow", "swift", "slower")


@given(budget=st.floats(1, 1e3), workers=st.integers(1, 8), finalists=st.integers(1, 5), slow=st.integers(0, 10))
def test_the_budget_that_is_suggested_is_enough(budget, workers, finalists, slow):
    def planned(budget_s):
        return plan_time(budget_s, workers=workers, finalists=finalists, baselines=10, slow_baselines=slow)

    suggested = enough_s(planned, planned(budget).least_s)
    if suggested is None:
        assert not planned(1e6).fits
    else:
        assert planned(suggested).fits
