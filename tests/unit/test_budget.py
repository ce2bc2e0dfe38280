from hypothesis import given
from hypothesis import strategies as st

from autorec.domain.budget import JOB_OVERHEAD_S, START_UP_S, baselines_in_time, enough_s, plan_time
from autorec.domain.evaluation import Trained
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


def trained(wall_s: float, training_s: float, predict_s: float) -> Trained:
    return Trained(
        candidate="c",
        stage=Stage.SEARCH,
        seed=1,
        outcome=OutcomeKind.COMPLETED,
        reason="",
        tier="fake",
        usage=Usage(wall_s=wall_s, training_s=training_s),
        predict_s=predict_s,
    )


def kept_back_s(*rivals: Trained) -> float:
    plan = plan_time(900, workers=2, finalists=3, baselines=5, slow_baselines=1)
    return plan.last_start_s() - plan.last_start_s(rivals)


AS_PLANNED = trained(wall_s=77, training_s=75, predict_s=0.1)


def test_rivals_that_are_as_quick_as_planned_keep_nothing_more_back():
    assert kept_back_s(AS_PLANNED, AS_PLANNED) == 0


def test_slow_predictors_end_the_search_earlier():
    """Twice a training with all its validations, twice a single prediction, on two workers; one job ends last."""
    slow = trained(wall_s=95, training_s=75, predict_s=4)
    beyond_s = 95 - 75 - 2.5
    assert kept_back_s(slow, AS_PLANNED) == (2 * beyond_s + 2 * 4) / 2 + beyond_s


def test_many_quick_validations_are_not_taken_for_slow_predictions():
    many, one = (trained(wall_s=95, training_s=75, predict_s=s) for s in (0.5, 17.5))
    assert kept_back_s(many) < kept_back_s(one) == 3 * (95 - 75 - 2.5)


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
