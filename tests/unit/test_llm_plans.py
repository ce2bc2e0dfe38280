"""What a language model is asked for next."""

from collections import Counter
from dataclasses import replace

import pytest

from autorec.domain.candidate import Operator, Plan
from autorec.domain.events import Bill
from autorec.domain.job import OutcomeKind
from autorec.domain.state import Ask, DeclinedAsk, Record, State
from autorec.proposers.llm_plans import HYPOTHESIS_TRIES, UNANSWERED, next_plan
from autorec.testing.memory import MemoryObjects
from autorec.testing.states import Story

CRASHED = OutcomeKind.CRASHED


def plan_for(state: State, seed: int = 0) -> Plan:
    return next_plan(state, seed, models=["openai/m"], max_repairs=2)


@pytest.fixture
def story() -> Story:
    return Story(MemoryObjects(), hypotheses=())


def files(number: int) -> dict[str, str]:
    return {"model.py": f"{number}\n", "train.py": ""}


def under_way(state: State, plan: Plan) -> State:
    return replace(state, asks=(*state.asks, Ask(number=90 + len(state.asks), plan=plan, seen=0)))


def declined(state: State, plan: Plan, *, answered: bool = True) -> State:
    bills = (Bill(model="openai/m", tokens=9, calls=1),) if answered else ()
    return replace(state, declined=(*state.declined, DeclinedAsk(number=99, plan=plan, reason="no", bills=bills)))


def repair_of(record: Record) -> Plan:
    return Plan(proposer="llm", operator=Operator.REPAIR, seed=0, parents=(record.id,))


def test_the_first_thing_is_a_draft(story):
    plan = plan_for(story.state())
    assert (plan.operator, plan.parents, plan.model, plan.proposer) == (Operator.DRAFT, (), "openai/m", "llm")


def test_the_same_state_and_seed_give_the_same_plan(story):
    good = [story.tell(files(i), value=0.1) for i in range(3)]
    state = story.state(good)
    assert [plan_for(state, seed) for seed in range(20)] == [plan_for(state, seed) for seed in range(20)]


def test_what_a_person_refused_is_not_mended(story):
    story.tell(files(0), outcome=OutcomeKind.REFUSED)
    assert plan_for(story.state()).operator is Operator.DRAFT


@pytest.mark.parametrize("outcome", [CRASHED, OutcomeKind.MALFORMED, OutcomeKind.TIMED_OUT, OutcomeKind.OUT_OF_MEMORY])
def test_a_failure_is_repaired_and_keeps_its_hypothesis(story, outcome):
    broken = story.tell(files(0), outcome=outcome, hypothesis="h")
    plan = plan_for(story.state())
    assert (plan.operator, plan.parents, plan.hypothesis) == (Operator.REPAIR, (broken.id,), "h")


def test_what_is_not_decided_succeeded_or_is_by_others_is_not_repaired(story):
    story.tell(files(0), decided=False)
    story.tell(files(1), value=0.1)
    story.tell(files(2), outcome=CRASHED, proposer="policy", operator=Operator.POLICY)
    assert plan_for(story.state()).operator is Operator.DRAFT


def test_what_a_person_has_banned_is_not_repaired(story):
    broken = story.tell(files(0), outcome=CRASHED)
    state = story.state()
    assert plan_for(state).parents == (broken.id,)
    assert plan_for(replace(state, verdicts={broken.id: True})).parents == (broken.id,)
    assert plan_for(replace(state, verdicts={broken.id: False})).operator is Operator.DRAFT


def test_one_repair_at_a_time(story):
    broken = story.tell(files(0), outcome=CRASHED)
    assert plan_for(under_way(story.state(), repair_of(broken))).operator is Operator.DRAFT
    story.tell(files(1), operator=Operator.REPAIR, parents=(broken.id,), decided=False)
    assert plan_for(story.state()).operator is Operator.DRAFT


def test_a_repair_that_failed_is_repaired_in_turn_and_then_left(story):
    broken = story.tell(files(0), outcome=CRASHED)
    again = story.tell(files(1), operator=Operator.REPAIR, parents=(broken.id,), outcome=CRASHED)
    assert plan_for(story.state()).parents == (again.id,)
    story.tell(files(2), operator=Operator.REPAIR, parents=(again.id,), outcome=CRASHED)
    assert plan_for(story.state()).operator is Operator.DRAFT


def test_a_repair_without_a_candidate_counts(story):
    broken = story.tell(files(0), outcome=CRASHED)
    once = declined(story.state(), repair_of(broken))
    assert plan_for(once).operator is Operator.REPAIR
    assert plan_for(declined(once, repair_of(broken))).operator is Operator.DRAFT


def test_a_repair_that_worked_ends_it(story):
    broken = story.tell(files(0), outcome=CRASHED)
    story.tell(files(1), operator=Operator.REPAIR, parents=(broken.id,), value=0.1)
    assert plan_for(story.state()).operator is Operator.DRAFT


def test_hypotheses_are_tested_in_order_and_once():
    story = Story(MemoryObjects(), hypotheses=("first", "second"))
    plan = plan_for(story.state())
    assert (plan.operator, plan.hypothesis) == (Operator.HYPOTHESIS, "first")
    assert plan_for(under_way(story.state(), plan)).hypothesis == "second"
    story.tell(files(0), hypothesis="first", decided=False)
    story.tell(files(1), hypothesis="second", value=0.1)
    assert plan_for(story.state()).hypothesis is None


def test_a_hypothesis_starts_from_the_best_survivor():
    story = Story(MemoryObjects(), hypotheses=("h",))
    best, other = story.tell(files(0), value=0.2), story.tell(files(1), value=0.1)
    plan = plan_for(story.state([best, other]))
    assert (plan.operator, plan.parents, plan.hypothesis) == (Operator.HYPOTHESIS, (best.id,), "h")


def test_a_hypothesis_that_never_gives_a_candidate_is_left():
    story = Story(MemoryObjects(), hypotheses=("h",))
    state = story.state()
    for _ in range(3):
        plan = plan_for(state)
        assert plan.hypothesis == "h"
        state = declined(state, plan)
    assert plan_for(state).hypothesis is None


def test_an_outage_uses_up_neither_a_hypothesis_nor_a_repair_and_a_refusal_without_end_does():
    story = Story(MemoryObjects(), hypotheses=("h",))
    state = story.state()
    for _ in range(HYPOTHESIS_TRIES * UNANSWERED):
        assert plan_for(state).hypothesis == "h"
        state = declined(state, plan_for(state), answered=False)
    assert plan_for(state).hypothesis is None
    broken = story.tell(files(0), outcome=CRASHED)
    state = story.state()
    for _ in range(2 * UNANSWERED):
        assert plan_for(state).operator is Operator.REPAIR
        state = declined(state, repair_of(broken), answered=False)
    assert plan_for(state).operator is not Operator.REPAIR


def test_survivors_are_improved_the_better_the_more_often_and_drafts_go_on(story):
    good = [story.tell(files(i), value=0.3 - i / 10) for i in range(3)]
    state = story.state(good)
    plans = [plan_for(state, seed) for seed in range(600)]
    drafts = sum(plan.operator is Operator.DRAFT for plan in plans)
    picked = Counter(plan.parents[0] for plan in plans if plan.operator is Operator.IMPROVE)
    assert 80 < drafts < 240
    assert picked[good[0].id] > picked[good[1].id] > picked[good[2].id] > 0


def test_two_survivors_are_crossed_and_one_is_not_crossed_with_itself(story):
    good = [story.tell(files(i), value=0.3 - i / 10) for i in range(3)]
    plans = [plan_for(story.state(good), seed) for seed in range(200)]
    pairs = {plan.parents for plan in plans if plan.operator is Operator.CROSSOVER}
    assert len(pairs) > 3
    assert all(len(set(pair)) == 2 for pair in pairs)
    alone = [plan_for(story.state(good[:1]), seed) for seed in range(200)]
    assert {plan.operator for plan in alone} == {Operator.DRAFT, Operator.IMPROVE, Operator.SIMPLIFY}


def test_asks_that_a_dead_model_lost_use_up_neither_hypotheses_nor_repairs():
    story = Story(MemoryObjects(), hypotheses=("h",))
    broken = story.tell({"model.py": "", "train.py": ""}, outcome=CRASHED)
    draft = Plan(proposer="llm", operator=Operator.HYPOTHESIS, seed=0, hypothesis="h")
    asks = [repair_of(broken), draft]
    lost = tuple(DeclinedAsk(number=n, plan=plan, reason="no key", lasting=True) for n, plan in enumerate(asks * 5))
    state = replace(story.state(), declined=lost)
    assert plan_for(state).operator is Operator.REPAIR
    healthy = Story(MemoryObjects(), hypotheses=("h",))
    assert plan_for(replace(healthy.state(), declined=lost)).hypothesis == "h"
