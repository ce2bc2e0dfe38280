"""Fakes that make a search instant and deterministic: events in memory, calls one at a time, scripted answers."""

import hashlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from autorec.domain.candidate import Candidate, Declined, Operator, Plan, Proposal
from autorec.domain.commands import Approve, Ban, Command, Letter, Resume
from autorec.domain.control import Control, within
from autorec.domain.evaluation import Evaluation, Objective, Task, Trained
from autorec.domain.events import Event, Told
from autorec.domain.fold import Fold
from autorec.domain.job import OutcomeKind, Stage, Usage
from autorec.domain.seeds import derive_seed
from autorec.domain.state import Record, State
from autorec.ports import Events

TASK = Task(
    role="retrieval",
    data_name="numbers",
    data_digest="d",
    split_rule="loo",
    split_digest="s",
    sizes={"users": 3, "items": 3, "interactions": 9},
    objectives=(Objective(name="ndcg@10"),),
)
"""A task that nothing depends on."""


class MemoryEvents:
    """`ports.Events` in a list. `capacity` makes the append after that many events raise `Cut`, as a kill would."""

    def __init__(self, events: tuple[Event, ...] = (), capacity: int | None = None) -> None:
        self.events = list(events)
        self._capacity = capacity

    def append(self, event: Event) -> int:
        if self._capacity is not None and len(self.events) >= self._capacity:
            raise Cut
        self.events.append(event)
        return len(self.events)

    def read(self, upto: int | None = None) -> Iterator[Event]:
        return iter(self.events[:upto])


class ScriptedInbox:
    """`ports.Inbox` whose letters arrive with so many other events recorded: (events, command), in order.

    As people do not leave a run waiting for ever: where it rests and looks again and again, the next letter comes at
    once, and when there is none any more, they resume what is paused, and approve or refuse what waits for it.
    """

    LOOKS = 2
    """So often does a process look that has just taken a run up, before it does anything."""

    def __init__(self, events: Events | None = None, script: Sequence[tuple[int, Command]] = ()) -> None:
        self._events = events
        self._script = tuple(script)
        self._looked = (0, 0)

    def after(self, number: int) -> tuple[Letter, ...]:
        every = tuple(self._events.read()) if self._events else ()
        recorded = sum(not isinstance(event, Told) for event in every)
        arrived = [command for due, command in self._script if due <= recorded]
        self._looked = (len(every), self._looked[1] + 1 if self._looked[0] == len(every) else 1)
        waits = len(arrived) <= number and self._looked[1] > self.LOOKS
        if every and waits and (state := _state_of(every)).resting:
            scripted = [command for _, command in self._script[number : number + 1]]
            return tuple(Letter(number=number + 1, command=command) for command in scripted or [_answer(state)])
        return tuple(Letter(number=n, command=command) for n, command in enumerate(arrived, 1) if n > number)


def _state_of(events: Sequence[Event]) -> State:
    fold = Fold()
    for event in events:
        fold.take(event)
    return fold.snapshot()


def _answer(state: State) -> Command:
    """What people say at last to a run that rests; every third candidate is refused."""
    if state.paused:
        return Resume()
    first = state.awaiting[0]
    return Ban(candidate=first) if derive_seed(first, "ban") % 3 == 0 else Approve(candidate=first)


class Cut(BaseException):
    """The process died here."""


class OneAtATime:
    """`ports.Crew` that makes each call inside `next`, in an order that depends only on which calls wait."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, Callable[[], Any]] = {}

    def submit(self, key: Hashable, call: Callable[[], Any]) -> None:
        if key in self._waiting:
            raise ValueError(f"{key} is under way already")
        self._waiting[key] = call

    def next(self, timeout_s: float | None = None) -> tuple[Hashable, Any] | None:
        if not self._waiting:
            return None
        key = min(self._waiting, key=lambda k: hashlib.sha256(repr(k).encode()).digest())
        return key, self._waiting.pop(key)()


class NumberProposer:
    """Proposes files that hold a number drawn from the plan's seed; builds on the best survivor where there is one.

    Every `decline_every`-th ask is declined, and numbers repeat now and then, so that duplicates come up.
    """

    def __init__(self, numbers: int = 1000, decline_every: int = 7, name: str = "numbers") -> None:
        self._name = name
        self._numbers = numbers
        self._decline_every = decline_every

    def plan(self, state: State, seed: int) -> Plan:
        parents = tuple(record.id for record in state.survivors[:1])
        operator = Operator.IMPROVE if parents else Operator.DRAFT
        return Plan(
            proposer=self._name, operator=operator, seed=seed, parents=parents, why=f"{len(state.decided)} decided"
        )

    def propose(self, plan: Plan, state: State) -> Proposal | Declined:
        if plan.seed % self._decline_every == 0:
            return Declined(reason="declined by the script")
        number = plan.seed % self._numbers
        seen = len(state.decided)
        return Proposal(files={"model.py": f"NUMBER = {number}\n", "train.py": f"SEEN = {seen}\n"})


class InstantTrainer:
    """Gives each candidate a value that depends on its id, stage and seed alone; every ninth crashes.

    Where `objects` is given, per-user values and state are put there so that finals can go on from them.
    """

    def __init__(self, put: Callable[[bytes], str] = lambda content: hashlib.sha256(content).hexdigest()) -> None:
        self._put = put
        self.trained: list[tuple[str, Stage, int]] = []

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        self.trained.append((candidate.id, stage, seed))
        draw = derive_seed(candidate.id, stage, seed)
        if derive_seed(candidate.id) % 9 == 0:
            return self._result(candidate, stage, seed, None)
        return self._result(candidate, stage, seed, draw / 2**31)

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        judged = self._result(candidate, stage, kept.seed, derive_seed(candidate.id, stage) / 2**31)
        return replace(judged, state=kept.state)

    def _result(self, candidate: Candidate, stage: Stage, seed: int, value: float | None) -> Trained:
        ok = value is not None
        evaluation = Evaluation(part=stage.judged_on, metrics={"ndcg@10": value or 0.0}, n_units=3) if ok else None
        return Trained(
            candidate=candidate.id,
            stage=stage,
            seed=seed,
            outcome=OutcomeKind.COMPLETED if ok else OutcomeKind.CRASHED,
            reason="" if ok else "crashed by the script",
            tier="instant",
            usage=Usage(),
            evaluation=evaluation,
            per_unit=self._put(f"{value}".encode()) if ok else None,
            predictions=self._put(f"{value}".encode()) if ok else None,
            state=self._put(f"weights of {candidate.id} {stage} {seed}".encode()) if ok else None,
        )


def falls_to_chance(predictions: str, candidate: str) -> Control:
    """An `at_chance` of the finals under which any answers are worth nothing against labels drawn at random."""
    control = within("drawn labels", "ndcg@10", 0.0, 0.0, 0.01, "chance is 0")
    return replace(control, of=candidate)


class BestFirst:
    """`ports.Selector` that keeps the `size` best by the primary objective."""

    def __init__(self, size: int) -> None:
        self._size = size

    def select(self, state: State) -> tuple[dict[str, str], tuple[Record, ...]]:
        looked_at = dict.fromkeys((*(r.id for r in state.survivors), *state.decided_since))
        records = [state.records[i] for i in looked_at]
        kept = tuple(state.best_first(records)[: self._size])
        return {r.id: "kept" if r in kept else "dropped" for r in records}, kept
