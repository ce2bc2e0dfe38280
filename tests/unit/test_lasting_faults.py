"""A proposer that cannot go on: the fault is recorded once, the others go on, a resumed run tries again."""

from dataclasses import dataclass, field

from autorec.domain.candidate import Declined, Operator, Plan, Proposal
from autorec.domain.events import Admitted, Asked, Rejected, RunStarted, SearchEnded, TriedAgain
from autorec.domain.state import State
from autorec.journal import Journal
from autorec.proposers.rotation import Rotation
from autorec.search import Pace, Search
from autorec.testing.loop import (
    TASK,
    BestFirst,
    InstantTrainer,
    MemoryEvents,
    NumberProposer,
    OneAtATime,
    ScriptedInbox,
)
from autorec.testing.memory import MemoryObjects


class Switched(NumberProposer):
    """A model with a switch: while it is off, every ask meets a lasting fault."""

    def __init__(self) -> None:
        super().__init__(decline_every=10**9, name="llm")
        self.on = True
        self.asked = 0

    def propose(self, plan: Plan, state: State) -> Proposal | Declined:
        self.asked += 1
        return super().propose(plan, state) if self.on else Declined(reason="no key. Set KEY", lasting=True)


@dataclass
class Run:
    """A run with one model and one policy, which can be gone on with."""

    workers: int = 2
    model: Switched = field(default_factory=Switched)
    events: MemoryEvents = field(default_factory=MemoryEvents)
    objects: MemoryObjects = field(default_factory=MemoryObjects)

    def work(self, most: int, ends=None) -> State:
        journal = Journal(self.events)
        if journal.empty:
            journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
        elif "llm" in journal.state.faults:
            journal.record(TriedAgain(writer="llm"))
        policy = NumberProposer(decline_every=10**9, name="policy")
        Search(
            journal=journal,
            inbox=ScriptedInbox(),
            proposer=Rotation(first={}, then={"llm": self.model, "policy": policy}, at_once=self.workers),
            train=InstantTrainer(self.objects.put).train,
            selector=BestFirst(2),
            objects=self.objects,
            crew=OneAtATime(),
            pace=Pace(
                workers=self.workers,
                population=4,
                out_of_time=lambda: False,
                too_late=lambda: False,
                max_candidates=most,
            ),
        ).run()
        return journal.state

    def reopen(self) -> None:
        """The search is not over after all: what a kill just before its end leaves."""
        assert isinstance(self.events.events.pop(), SearchEnded)

    def asks_of(self, proposer: str) -> list[int]:
        return [e.number for e in self.events.events if isinstance(e, Asked) and e.plan.proposer == proposer]


def test_the_fault_is_recorded_and_the_others_go_on():
    for workers in (1, 2, 4):
        run = Run(workers=workers)
        run.model.on = False
        state = run.work(most=12)
        assert state.search_ended == "all 12 candidates are decided"
        assert len(state.decided) == 12
        assert {record.proposer for record in state.candidates} == {"policy"}
        assert state.faults["llm"].reason == "no key. Set KEY"
        assert 1 <= run.model.asked <= workers  # those that were under way when the first one met the fault


def test_only_the_first_ask_that_meets_the_fault_sets_it():
    run = Run(workers=4)
    run.model.on = False
    state = run.work(most=12)
    lasting = [e.ask for e in run.events.events if isinstance(e, Rejected) and e.lasting]
    assert len(lasting) > 1
    assert state.faults["llm"].ask == lasting[0]
    assert [declined.number for declined in state.declined] == lasting


def test_a_resumed_run_asks_once_more_and_records_the_same_fault_once():
    run = Run(workers=4)
    run.model.on = False
    first = run.work(most=12)
    run.reopen()
    run.model.asked = 0
    state = run.work(most=24)
    assert run.model.asked == 1
    assert len(state.decided) == 24
    assert state.faults["llm"].ask > first.faults["llm"].ask
    assert not state.faults["llm"].tried_again


def test_a_resumed_run_whose_model_is_mended_asks_it_as_before():
    run = Run()
    run.model.on = False
    run.work(most=12)
    run.reopen()
    run.model.on = True
    state = run.work(most=40)
    assert state.faults == {}
    assert sum(record.proposer == "llm" for record in state.candidates) > 5
    admitted = [e.ask for e in run.events.events if isinstance(e, Admitted)]
    assert set(run.asks_of("llm")) & set(admitted)


def test_an_ask_that_nobody_answers_does_not_take_the_fault_back():
    run = Run()
    run.model.on = False
    run.work(most=12)
    journal = Journal(run.events)
    journal.record(TriedAgain(writer="llm"))
    plan = Plan(proposer="llm", operator=Operator.DRAFT, seed=0)
    for number, (exchanges, stands) in enumerate((((), True), (("said",), False)), start=journal.state.asked):
        journal.record(Asked(number=number, plan=plan, seen=journal.state.seq))
        journal.record(Rejected(ask=number, reason="no candidate", exchanges=exchanges))
        assert ("llm" in journal.state.faults) is stands
        assert journal.state.may_ask("llm", at_once=2)


def test_a_late_answer_is_booked_with_its_own_reason():
    """The search ends while the model still thinks; its fault is told all the same."""
    events, objects, crew = MemoryEvents(), MemoryObjects(), OneAtATime()
    journal = Journal(events)
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    model = Switched()
    model.on = False
    Search(
        journal=journal,
        inbox=ScriptedInbox(),
        proposer=model,
        train=InstantTrainer(objects.put).train,
        selector=BestFirst(2),
        objects=objects,
        crew=crew,
        pace=Pace(workers=1, population=4, out_of_time=lambda: True, too_late=lambda: journal.state.asked > 0),
    ).run()
    assert [declined.reason for declined in journal.state.declined] == ["no key. Set KEY"]
    assert journal.state.faults["llm"].ask == 0
