"""The rotation: first those who go first, then turn by turn."""

from dataclasses import replace

from autorec.domain.candidate import Operator, Plan, Proposal
from autorec.domain.evaluation import Objective, Task
from autorec.domain.state import Ask, State
from autorec.proposers.rotation import Rotation

TASK = Task(
    role="retrieval", data_name="d", data_digest="0", split_rule="given", split_digest="0",
    sizes={"users": 1, "items": 1, "interactions": 1}, objectives=(Objective(name="ndcg@10"),),
)  # fmt: skip


class Fixed:
    """Plans until `until` asks have been made, and answers with its own name."""

    def __init__(self, name: str, until: int = 10**6) -> None:
        self._name = name
        self._until = until

    def plan(self, state: State, seed: int) -> Plan | None:
        return Plan(proposer=self._name, operator=Operator.DRAFT, seed=seed) if state.asked < self._until else None

    def propose(self, plan: Plan, state: State) -> Proposal:
        return Proposal(files={"by": self._name})


def names(rotation: Rotation, asks: int) -> list[str | None]:
    states = [State(seq=0, task=TASK, seed=0, asked=asked) for asked in range(asks)]
    plans = [rotation.plan(state, 7) for state in states]
    return [plan.proposer if plan else None for plan in plans]


def test_people_first_then_in_turn():
    rotation = Rotation(
        first={"human": Fixed("human", until=2)}, then={"policy": Fixed("policy"), "llm": Fixed("llm")}, at_once=2
    )
    assert names(rotation, 6) == ["human", "human", "policy", "llm", "policy", "llm"]


def test_who_has_nothing_to_do_is_passed_over():
    rotation = Rotation(first={}, then={"policy": Fixed("policy", until=1), "llm": Fixed("llm", until=4)}, at_once=2)
    assert names(rotation, 5) == ["policy", "llm", "llm", "llm", None]


def test_a_plan_is_carried_out_by_whom_it_names():
    rotation = Rotation(first={}, then={"policy": Fixed("policy"), "llm": Fixed("llm")}, at_once=2)
    state = State(seq=0, task=TASK, seed=0)
    plan = rotation.plan(state, 1)
    assert rotation.propose(plan, state).files == {"by": "policy"}
    assert rotation.propose(replace(plan, proposer="llm"), state).files == {"by": "llm"}


def test_a_busy_proposer_is_passed_over():
    rotation = Rotation(first={}, then={"llm": Fixed("llm"), "policy": Fixed("policy")}, at_once=2)
    plan = Plan(proposer="llm", operator=Operator.DRAFT, seed=0)
    for under_way, expected in ((1, "llm"), (2, "policy")):
        asks = tuple(Ask(number=n, plan=plan, seen=0) for n in range(under_way))
        planned = rotation.plan(State(seq=0, task=TASK, seed=0, asked=4, asks=asks), 7)
        assert planned is not None
        assert planned.proposer == expected
    alone = Rotation(first={}, then={"llm": Fixed("llm")}, at_once=2)
    assert alone.plan(State(seq=0, task=TASK, seed=0, asked=4, asks=asks), 7) is None
