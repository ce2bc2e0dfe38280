"""Which model is asked for what: shares by reward for the cost, a floor, and nothing but the state and the seed."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from autorec.domain.candidate import Operator, Plan
from autorec.domain.events import Bill
from autorec.domain.job import OutcomeKind
from autorec.domain.reward import SIMPLER, VALID, inner_reward
from autorec.domain.state import DeclinedAsk, Fault, State
from autorec.proposers.arms import FLOOR, Arm, choose
from autorec.proposers.llm_plans import next_plan
from autorec.testing.memory import MemoryObjects
from autorec.testing.states import Story

A, B = (Arm(operator=Operator.IMPROVE, model=name) for name in ("openai/a", "openai/b"))
DRAWS = 400


class Past:
    """Answers of two models so far, each an improvement on one parent."""

    def __init__(self) -> None:
        self.story = Story(MemoryObjects())
        self.parent = self.story.tell({"a.py": "parent"}, value=0.5, proposer="policy", operator=Operator.POLICY)
        self._bills = {}

    def tell(self, arm: Arm, value: float | None, *, usd: float | None = 0.01, tokens: int = 1000) -> None:
        record = self.story.tell(
            {"a.py": str(len(self._bills))},
            value=value,
            outcome=OutcomeKind.CRASHED if value is None else OutcomeKind.COMPLETED,
            operator=arm.operator,
            parents=(self.parent.id,),
        )
        self._bills[record.id] = (arm.model, usd, tokens)

    @property
    def state(self) -> State:
        state = self.story.state([self.parent])
        records = dict(state.records)
        for name, (model, usd, tokens) in self._bills.items():
            bill = Bill(model=model, usd=usd or 0.0, tokens=tokens, calls=1, unpriced=int(usd is None))
            records[name] = replace(records[name], model=model, bills=(bill,))
        return replace(state, records=records)


def shares(state: State, arms=(A, B)) -> Counter:
    return Counter(choose(arms, state, random.Random(seed)).arm for seed in range(DRAWS))


def test_nothing_known_is_an_even_chance():
    assert 0.4 * DRAWS < shares(Past().state)[A] < 0.6 * DRAWS


def test_whoever_improves_is_asked_more_and_nobody_starves():
    past = Past()
    for _ in range(12):
        past.tell(A, 0.9)
        past.tell(B, 0.1)
    assert shares(past.state)[A] > 0.8 * DRAWS


def test_an_arm_that_does_badly_is_still_asked_its_floor():
    past, asked = Past(), Counter()
    for seed in range(60):
        choice = choose([A, B], past.state, random.Random(seed))
        asked[choice.arm] += 1
        past.tell(choice.arm, 0.9 if choice.arm == A else None)
    assert FLOOR / 2 * 60 - 1 <= asked[B] < 0.3 * 60


def test_of_two_as_good_the_cheaper_one_is_asked_more():
    past = Past()
    for _ in range(12):
        past.tell(A, 0.9, usd=0.001)
        past.tell(B, 0.9, usd=0.1)
    assert shares(past.state)[A] > 0.8 * DRAWS


def test_where_a_price_is_unknown_tokens_count():
    past = Past()
    for _ in range(12):
        past.tell(A, 0.9, usd=None, tokens=100)
        past.tell(B, 0.9, usd=0.0001, tokens=10_000)
    assert shares(past.state)[A] > 0.8 * DRAWS
    why = choose([A, B], past.state, random.Random(1)).why
    assert "tokens each" in why


def test_a_free_model_that_never_improves_does_not_win_by_its_price():
    past = Past()
    for _ in range(12):
        past.tell(A, None, usd=0.0)
        past.tell(B, 0.9, usd=0.05)
    assert shares(past.state)[B] > 0.7 * DRAWS


def test_answers_without_a_candidate_count_and_lasting_faults_do_not():
    plan = Plan(proposer="llm", operator=A.operator, model=A.model, seed=0)
    bills = (Bill(model=A.model, usd=0.01, tokens=1000, calls=1),)
    for lasting, low, high in ((False, 0.0, 0.3), (True, 0.4, 0.6)):
        lost = tuple(DeclinedAsk(number=n, plan=plan, reason="no", lasting=lasting, bills=bills) for n in range(15))
        assert low * DRAWS <= shares(replace(Past().state, declined=lost))[A] <= high * DRAWS


def test_the_same_state_and_seed_give_the_same_choice_and_it_says_why():
    past = Past()
    past.tell(A, 0.9)
    for seed in range(30):
        choice = choose([A, B], past.state, random.Random(seed))
        assert choice == choose([A, B], past.state, random.Random(seed))
        assert f"{choice.arm.operator} by {choice.arm.model}, reward " in choice.why
        assert choice.why.startswith(("asked least, so that none starves", "the largest draw of reward for its cost"))


def test_a_model_that_is_out_is_left_out_and_one_that_is_tried_again_is_asked_once():
    from autorec.proposers.rotation import Rotation

    class Models:
        def plan(self, state, seed):
            models = [name for name in (A.model, B.model) if state.may_ask(name)]
            return next_plan(state, seed, models=models, max_repairs=2) if models else None

        propose = None

    rotation = Rotation(first={}, then={"llm": Models()}, at_once=4)
    out = replace(Past().state, faults={A.model: Fault(ask=0, reason="no key")})
    assert {rotation.plan(out, seed).model for seed in range(20)} == {B.model}
    both = replace(out, faults={name: Fault(ask=0, reason="no key") for name in (A.model, B.model)})
    assert rotation.plan(both, 0) is None


def test_the_reward_compares_with_what_was_to_be_beaten():
    past = Past()
    story, parent = past.story, past.parent
    base = story.tell({"b.py": "0"}, value=0.6, operator=Operator.BASELINE, proposer="baselines", name="pop")
    broken = story.tell({"b.py": "1"}, outcome=OutcomeKind.CRASHED)
    told = {
        story.tell({"b.py": "2"}, value=0.55, operator=Operator.IMPROVE, parents=(parent.id,)).id: 1.0,
        story.tell({"b.py": "3"}, value=0.5, operator=Operator.IMPROVE, parents=(parent.id,)).id: VALID,
        story.tell({"b.py": "4"}, value=0.55).id: VALID,  # a draft below the best baseline
        story.tell({"b.py": "5"}, value=0.65).id: 1.0,
        story.tell({"b.py": "6"}, value=0.01, operator=Operator.REPAIR, parents=(broken.id,)).id: 1.0,
        broken.id: 0.0,
        story.tell({"b.py": "8"}, value=0.496, operator=Operator.SIMPLIFY, parents=(parent.id,)).id: SIMPLER,
        story.tell({"b.py": "10"}, value=0.51, operator=Operator.SIMPLIFY, parents=(parent.id,)).id: 1.0,
        story.tell({"b.py": "9"}, value=0.490, operator=Operator.SIMPLIFY, parents=(parent.id,)).id: VALID,
        story.tell({"b.py": "7"}, decided=False).id: None,
    }
    state = story.state()
    assert {name: inner_reward(state.records[name], state, state.baselines) for name in told} == told
    assert base.is_baseline


def test_what_only_leaves_out_is_not_asked_for_more_than_what_improves():
    past = Past()
    improve, simplify = A, Arm(operator=Operator.SIMPLIFY, model=A.model)
    for number in range(20):
        past.tell(simplify, 0.5)
        past.tell(improve, 0.9 if number % 2 else 0.1)
    assert shares(past.state, (improve, simplify))[simplify] < 0.5 * DRAWS


@pytest.mark.parametrize("models", [["openai/a"], ["openai/a", "openai/b"]])
def test_a_plan_names_its_model_and_why(models):
    past = Past()
    past.tell(A, 0.9)
    plans = [next_plan(past.state, seed, models=models, max_repairs=2) for seed in range(60)]
    assert {plan.model for plan in plans} == set(models)
    assert {plan.operator for plan in plans} == {Operator.DRAFT, Operator.IMPROVE, Operator.SIMPLIFY}
    assert all(plan.why and bool(plan.parents) is (plan.operator is not Operator.DRAFT) for plan in plans)
