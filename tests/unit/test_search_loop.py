"""The loop: what is under way at a time, what it waits for, and when it ends."""

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import pytest

from autorec.domain.candidate import Candidate, Declined, Operator, Plan, Proposal
from autorec.domain.commands import Stop
from autorec.domain.evaluation import Trained
from autorec.domain.events import (
    Admitted,
    Asked,
    Event,
    Finished,
    Reflected,
    Rejected,
    RunStarted,
    SearchEnded,
    Started,
)
from autorec.domain.fold import Fold
from autorec.domain.job import Stage
from autorec.domain.lesson import Lessons, Note
from autorec.domain.state import State
from autorec.journal import Journal
from autorec.proposers.rotation import Rotation
from autorec.search import DRY_SPELL, Pace, Search, enter_baseline
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


class SlowModel(OneAtATime):
    """Answers of the language model come only when nothing else is left to wait for."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def next(self, timeout_s: float | None = None) -> tuple[Hashable, Any] | None:
        slow = {("ask", ask.number) for ask in self._journal.state.asks if ask.plan.proposer == "llm"}
        quick = [key for key in self._waiting if key not in slow]
        if not quick:
            return super().next(timeout_s)
        return quick[0], self._waiting.pop(quick[0])()


class Dry:
    """Has nothing to offer."""

    def plan(self, state: State, seed: int) -> Plan | None:
        return None

    def propose(self, plan: Plan, state: State) -> Proposal | Declined:
        raise AssertionError("nothing was planned")


def search(
    proposer: Any, *, workers: int = 2, most: int | None = 12, slow: bool = False, settled: bool = False
) -> list[Event]:
    events = MemoryEvents()
    journal = Journal(events)
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    pace = Pace(workers=workers, population=4, out_of_time=lambda: False, too_late=lambda: False, max_candidates=most)
    objects = MemoryObjects()
    crew = SlowModel(journal) if slow else OneAtATime()
    made = Search(
        journal=journal,
        inbox=ScriptedInbox(),
        proposer=proposer,
        train=InstantTrainer(objects.put).train,
        selector=BestFirst(2),
        objects=objects,
        crew=crew,
        pace=pace,
    )
    made.run()
    if settled:
        made.settle()
    return events.events


def test_a_free_slot_never_waits_for_a_language_model():
    for workers in (1, 2, 4):
        both = {name: NumberProposer(name=name) for name in ("llm", "policy")}
        events = search(Rotation(first={}, then=both, at_once=workers), workers=workers, most=20, slow=True)
        asked = {e.number: e.plan.proposer for e in events if isinstance(e, Asked)}
        answered = [e.ask for e in events if isinstance(e, Admitted | Rejected)]
        first_slow = next(i for i, number in enumerate(answered) if asked[number] == "llm")
        assert first_slow >= 20 - 2 * workers  # the policy wrote all that it could meanwhile


def test_no_more_trainings_at_a_time_than_workers():
    for workers in (1, 3):
        under_way, most = 0, 0
        for event in search(NumberProposer(), workers=workers):
            under_way += isinstance(event, Started) - isinstance(event, Finished)
            most = max(most, under_way)
        assert most == workers


def test_a_generation_closes_with_each_population():
    events = search(NumberProposer(), most=12)
    closed = [e for e in events if type(e).__name__ == "GenerationClosed"]
    assert [e.decided for e in closed] == [4, 4, 4]
    assert all(set(e.survivors) <= set(e.reasons) for e in closed)


class LooksBack:
    """Learns from every generation but the first, of which it has nothing to say."""

    def plan(self, state: State, seed: int) -> Plan | None:
        last = len(state.generations)
        plans = [r.plan for r in state.reflections] + [d.plan for d in state.declined] + [a.plan for a in state.asks]
        if last == 0 or any(plan.design == {"generation": last} for plan in plans):
            return None
        return Plan(proposer="looks back", operator=Operator.REFLECT, seed=seed, design={"generation": last})

    def propose(self, plan: Plan, state: State) -> Lessons | Declined:
        if plan.design == {"generation": 1}:
            return Declined(reason="nothing to say")
        decided = state.decided[-1]
        return Lessons(notes=(Note(sentence="Numbers differ.", tags=("data",), supported=(decided,)),))


def test_looking_back_takes_no_candidates_place_and_the_last_generation_is_looked_back_on_while_finals_go_on():
    proposer = Rotation(first={"looks back": LooksBack()}, then={"numbers": NumberProposer()}, at_once=2)
    events = search(proposer, most=12, settled=True)
    plain = search(Rotation(first={}, then={"numbers": NumberProposer()}, at_once=2), most=12)
    assert sum(isinstance(e, Admitted) for e in events) == sum(isinstance(e, Admitted) for e in plain) == 12
    asked = [e for e in events if isinstance(e, Asked) and e.plan.operator is Operator.REFLECT]
    looked = [e.plan.design["generation"] for e in asked]
    assert (looked[0], looked[-1], len(set(looked))) == (1, 3, len(looked))
    assert isinstance(events[-3], SearchEnded)
    assert events[-2] is asked[-1]
    assert isinstance(events[-1], Reflected)
    fold = Fold()
    for event in events:
        fold.take(event)
    state = fold.snapshot()
    assert [lesson.sentence for lesson in state.lessons] == ["Numbers differ."]
    assert state.lessons[0].held == 1


def test_looking_back_in_vain_does_not_exhaust_the_proposers():
    class Mute(LooksBack):
        def plan(self, state: State, seed: int) -> Plan | None:
            busy = any(ask.plan.operator is Operator.REFLECT for ask in state.asks)
            looked = sum(d.plan.operator is Operator.REFLECT for d in state.declined)
            return (
                None
                if busy or looked > 2 * DRY_SPELL
                else super().plan(state, seed) or Plan(proposer="looks back", operator=Operator.REFLECT, seed=seed)
            )

        def propose(self, plan: Plan, state: State) -> Lessons | Declined:
            return Declined(reason="nothing to say")

    events = search(Rotation(first={"looks back": Mute()}, then={"numbers": NumberProposer()}, at_once=2), most=12)
    assert sum(isinstance(e, Admitted) for e in events) == 12


def test_proposers_that_have_nothing_end_the_search():
    assert search(Dry())[-1].reason == "the proposers have nothing new to offer"


def test_endless_duplicates_end_the_search():
    class Parrot(NumberProposer):
        def propose(self, plan: Plan, state: State) -> Proposal | Declined:
            return Proposal(files={"model.py": "", "train.py": ""})

    events = search(Parrot(), most=None)
    assert sum(isinstance(e, Admitted) for e in events) == 1
    assert DRY_SPELL <= sum(isinstance(e, Rejected) for e in events) <= DRY_SPELL + 4
    assert events[-1].reason == "the proposers have nothing new to offer"


def test_out_of_time_starts_nothing_and_lets_what_runs_end():
    events = MemoryEvents()
    journal = Journal(events)
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    objects = MemoryObjects()

    def out_of_time() -> bool:
        return len(journal.state.decided) >= 3

    Search(
        journal=journal,
        inbox=ScriptedInbox(),
        proposer=NumberProposer(),
        train=InstantTrainer(objects.put).train,
        selector=BestFirst(2),
        objects=objects,
        crew=OneAtATime(),
        pace=Pace(workers=2, population=4, out_of_time=out_of_time, too_late=out_of_time),
    ).run()
    state = journal.state
    assert state.search_ended == "out of time"
    assert state.training == ()
    assert 3 <= len(state.decided) <= 4
    assert state.decided_since == ()


class Failing(InstantTrainer):
    """The first `failures` candidates that are not baselines end without a judgement, the others with one."""

    def __init__(self, journal: Journal, failures: int) -> None:
        super().__init__()
        self._journal = journal
        self._failures = failures

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        ended = len(self._journal.state.decided)
        known = self._journal.state.records[candidate.id].is_baseline
        return self._result(candidate, stage, seed, None if not known and ended < self._failures else 0.5)


def late_search(*, failures: int, late: int) -> State:
    """A search out of time, with two baselines and five candidates in the queue; too late once `late` are decided."""
    journal, objects = Journal(MemoryEvents()), MemoryObjects()
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    for name in ("pop", "ease"):
        plan = Plan(proposer="baselines", operator=Operator.BASELINE, seed=0)
        enter_baseline(journal, objects, name, Candidate.of({"model.py": f"# {name}\n"}), plan)
    for number in range(5):
        source = Candidate.of({"model.py": f"NUMBER = {number}\n"}).to_bytes()
        plan = Plan(proposer="human", operator=Operator.HUMAN, seed=0)
        journal.record(Admitted(candidate=objects.put(source), plan=plan))
    Search(
        journal=journal,
        inbox=ScriptedInbox(),
        proposer=Dry(),
        train=Failing(journal, failures).train,
        selector=BestFirst(2),
        objects=objects,
        crew=OneAtATime(),
        pace=Pace(
            workers=1,
            population=4,
            out_of_time=lambda: True,
            too_late=lambda: len(journal.state.decided) >= late,
        ),
    ).run()
    return journal.state


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_while_no_candidate_has_been_judged_the_time_kept_for_the_finals_is_used(failures):
    state = late_search(failures=failures, late=9)
    assert len(state.decided) == failures + 1  # then there is something to judge in the finals
    assert [record.id for record in state.survivors] == [state.decided[-1]]
    assert state.search_ended == "out of time"


def test_where_time_is_short_a_candidate_goes_before_the_baselines():
    state = late_search(failures=2, late=9)
    assert not any(record.search for record in state.baselines)


def test_when_it_is_too_late_nothing_begins():
    assert late_search(failures=9, late=0).decided == late_search(failures=0, late=0).decided == ()
    assert len(late_search(failures=9, late=2).decided) == 2


def test_a_call_that_nobody_answered_is_booked_as_a_cost_that_nobody_knows():
    class Silent(OneAtATime):
        """The language model never answers."""

        def next(self, timeout_s: float | None = None) -> tuple[Hashable, Any] | None:
            self._waiting = {key: call for key, call in self._waiting.items() if key[0] != "ask"}
            return super().next(timeout_s)

    class Model(NumberProposer):
        def plan(self, state: State, seed: int) -> Plan:
            return replace(super().plan(state, seed), model="openai/slow")

    events = MemoryEvents()
    journal = Journal(events)
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    turns = iter([False] * 5)
    search = Search(
        journal=journal,
        inbox=ScriptedInbox(),
        proposer=Model(),
        train=InstantTrainer().train,
        selector=BestFirst(2),
        objects=MemoryObjects(),
        crew=Silent(),
        pace=Pace(workers=2, population=4, out_of_time=lambda: next(turns, True), too_late=lambda: next(turns, True)),
    )
    search.run()
    under_way = len(journal.state.asks)
    search.settle()
    assert under_way > 0
    assert journal.state.asks == ()
    assert journal.state.spent.unpriced == under_way


def test_a_proposal_whose_files_lead_elsewhere_is_declined_and_the_search_goes_on():
    class Climber(NumberProposer):
        def propose(self, plan: Plan, state: State) -> Proposal | Declined:
            return Proposal(files={"../model.py": "", "train.py": ""})

    events = search(Climber(), most=2)
    assert not any(isinstance(e, Admitted) for e in events)
    assert all("'../model.py'" in e.reason for e in events if isinstance(e, Rejected))


@pytest.mark.parametrize("why", ["stopped", "out of time"])
def test_a_resumed_run_that_is_closing_pays_for_no_call_that_was_open(why):
    class Model(NumberProposer):
        calls = 0

        def plan(self, state: State, seed: int) -> Plan:
            return replace(super().plan(state, seed), model="openai/dear")

        def propose(self, plan: Plan, state: State) -> Proposal | Declined:
            self.calls += 1
            return super().propose(plan, state)

    events = MemoryEvents()
    journal = Journal(events)
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    for number in range(2):
        plan = Plan(proposer="llm", operator=Operator.DRAFT, seed=number, model="openai/dear")
        journal.record(Asked(number=number, plan=plan, seen=1))
    resumed = Search(
        journal=journal,
        inbox=ScriptedInbox(events, [(0, Stop())] if why == "stopped" else []),
        proposer=(model := Model()),
        train=InstantTrainer().train,
        selector=BestFirst(2),
        objects=MemoryObjects(),
        crew=OneAtATime(),
        pace=Pace(workers=2, population=4, out_of_time=lambda: True, too_late=lambda: why == "out of time"),
    )
    resumed.run()
    resumed.settle()
    assert model.calls == 0
    assert journal.state.search_ended is not None
    assert journal.state.asks == ()
    assert journal.state.spent.unpriced == 2
