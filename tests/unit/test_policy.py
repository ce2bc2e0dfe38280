"""The policy: families first, nothing twice, and only what the space allows."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autorec.domain.candidate import Operator, Plan
from autorec.domain.errors import SpaceError
from autorec.domain.evaluation import Objective, Task
from autorec.domain.state import Ask, Record, State
from autorec.proposers.policy import PolicyProposer
from autorec.proposers.space_code import SpaceCode
from autorec.proposers.space_walk import draw
from autorec.schemas.space import SearchSpace, Value, load_space

ROOT = Path(__file__).parents[2] / "search_spaces"
SPACE = load_space(ROOT / "retrieval.yaml")
CODE = SpaceCode(SPACE, ROOT)
TASK = Task(
    role="retrieval", data_name="d", data_digest="0", split_rule="given", split_digest="0",
    sizes={"users": 1, "items": 1, "interactions": 1}, objectives=(Objective(name="ndcg@10"),),
)  # fmt: skip


class RandomChooser:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(
        self, name: str, kind: str, *, low: float = 0, high: float = 0, log: bool = False, choices: Sequence[Value] = ()
    ) -> Value:
        if kind == "categorical":
            return self._random.choice(list(choices))
        return self._random.randint(int(low), int(high)) if kind == "int" else self._random.uniform(low, high)


class SameChooser:
    """Always the lowest value, or the first choice."""

    def choose(
        self, name: str, kind: str, *, low: float = 0, high: float = 0, log: bool = False, choices: Sequence[Value] = ()
    ) -> Value:
        return choices[0] if kind == "categorical" else low


def policy(space: SearchSpace = SPACE, chooser: type = RandomChooser) -> PolicyProposer:
    return PolicyProposer(space, CODE, lambda state, seed: chooser(seed) if chooser is RandomChooser else chooser())


def empty() -> State:
    return State(seq=0, task=TASK, seed=0)


def asked(state: State, plan: Plan) -> State:
    """The state once the plan is under way."""
    ask = Ask(number=state.asked, plan=plan, seen=state.seq)
    return replace(state, asked=state.asked + 1, asks=(*state.asks, ask))


def test_each_family_has_its_turn_first_with_the_defaults():
    state, proposer = empty(), policy()
    for family in SPACE.families:
        plan = proposer.plan(state, state.asked)
        assert plan is not None
        assert plan.operator is Operator.POLICY
        assert plan.design == SPACE.complete({"family": family})
        state = asked(state, plan)
    assert proposer.plan(state, 5).why == "drawn from the search space"


def test_a_baseline_is_not_proposed_again_and_does_not_count_as_a_turn():
    space = SPACE.model_copy(update={"designs": {"twin": {"family": SPACE.families[0]}}})
    record = Record(
        id="a", number=0, operator=Operator.BASELINE, proposer="baseline", design=space.named("twin"), name="twin"
    )
    plan = policy(space).plan(replace(empty(), records={"a": record}), 1)
    assert plan.design["family"] == SPACE.families[0]
    assert plan.design != space.named("twin")


def test_plans_depend_on_state_and_seed_alone_and_never_repeat():
    def run() -> list[dict[str, Value]]:
        state, proposer = empty(), policy()
        for seed in range(25):
            state = asked(state, proposer.plan(state, seed))
        return [dict(ask.plan.design) for ask in state.asks]

    designs = run()
    assert designs == run()
    assert all(designs.count(design) == 1 for design in designs)


def test_an_exhausted_space_has_nothing_to_do():
    state, proposer = empty(), policy(chooser=SameChooser)
    while (plan := proposer.plan(state, state.asked)) is not None:
        state = asked(state, plan)
    assert len(SPACE.families) <= state.asked <= 2 * len(SPACE.families)


def test_propose_renders_the_plan():
    plan = policy().plan(empty(), 0)
    assert set(policy().propose(plan, empty()).files) == {"model.py", "train.py", "params.json"}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31))
def test_a_drawn_design_is_whole_and_allowed(seed: int):
    design = draw(SPACE, RandomChooser(seed))
    assert SPACE.complete(design) == design
    for name, parameter in SPACE.parameters:
        assert (name in design) == parameter.active(design)
        assert name not in design or parameter.allows(design[name])
    assert design["family"] in SPACE.families


def test_a_chooser_that_leaves_the_space_is_refused():
    class Wild(SameChooser):
        def choose(self, name: str, kind: str, **bounds: object) -> Value:
            return 10_000 if name == "layers" else super().choose(name, kind, **bounds)

    with pytest.raises(SpaceError, match="layers was drawn as 10000; expected a whole number from 1 to"):
        draw(SPACE, Wild(), "sequence")
