"""A run that is cut anywhere and resumed equals one that never was."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autorec.domain.candidate import Candidate, Declined, Operator, Plan, Proposal
from autorec.domain.commands import Approve, Ban, Command, Hypothesize, Pause, Resume, Stop, Unreadable
from autorec.domain.evaluation import Trained
from autorec.domain.events import Admitted, Asked, Event, Rejected, RunStarted, SearchEnded, Started, Told
from autorec.domain.fold import Fold
from autorec.domain.hypothesis import Hypothesis
from autorec.domain.job import Stage
from autorec.domain.state import State
from autorec.finals import Finals
from autorec.journal import Journal
from autorec.ports import Objects
from autorec.proposers.rotation import Rotation
from autorec.search import Pace, Search, enter_baseline
from autorec.testing.loop import (
    TASK,
    BestFirst,
    Cut,
    InstantTrainer,
    MemoryEvents,
    NumberProposer,
    OneAtATime,
    ScriptedInbox,
    falls_to_chance,
)
from autorec.testing.memory import MemoryObjects
from autorec.wiring.shelf import Shelf

BASELINES = {name: Candidate.of({"model.py": f"# {name}\n"}) for name in ("pop", "ease")}


class Mortal(NumberProposer):
    """Its first asks are answered; from ask number `dies` on, each meets a lasting fault."""

    def __init__(self, dies: int) -> None:
        super().__init__(name="llm")
        self._dies = dies

    def propose(self, plan: Plan, state: State) -> Proposal | Declined:
        return Declined(reason="dead", lasting=True) if state.asked >= self._dies else super().propose(plan, state)


class Demanding(InstantTrainer):
    """Judges a kept training only where its weights are still there."""

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects.put)
        self._objects = objects

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        self._objects.get(kept.state or "")
        return super().predict(candidate, stage, kept)


def proposers(dies: int, workers: int) -> Rotation:
    policy = NumberProposer(numbers=40, name="policy")
    return Rotation(first={}, then={"llm": Mortal(dies), "policy": policy}, at_once=workers)


Script = tuple[tuple[int, Command], ...]


def told(sentence: str) -> Command:
    return Hypothesize(hypothesis=Hypothesis(sentence=sentence))


COMMANDS = st.sampled_from(
    [told("a"), told("b"), told("a"), Unreadable(problem="of tomorrow"), Stop(), Pause(), Pause(), Resume()]
)
SCRIPTS = st.lists(st.tuples(st.integers(0, 60), COMMANDS), max_size=4).map(
    lambda s: tuple(sorted(s, key=lambda x: x[0]))
)
"""What a person tells the run, and after how many events."""


def play(
    events: MemoryEvents,
    objects: MemoryObjects,
    seed: int,
    workers: int,
    population: int,
    most: int,
    late: int = 99,
    dies: int | None = None,
    script: Script = (),
    approve: bool = False,
) -> None:
    """One process at work: begins the run, or goes on with it.

    Time is up once `late` candidates are decided; `dies`: one of two proposers does, at that ask. `approve`: people
    are asked.
    """
    shelf = Shelf(objects)
    journal = Journal(events, (shelf.listen,))
    trainer = Demanding(shelf)
    if journal.empty:
        journal.record(RunStarted(task=TASK, seed=seed, version="test", config={}, approve=approve))
    shelf.clear(journal.state)
    for name, baseline in BASELINES.items():
        plan = Plan(proposer="baselines", operator=Operator.BASELINE, seed=0)
        enter_baseline(journal, objects, name, baseline, plan)
    crew = OneAtATime()
    pace = Pace(
        workers=workers,
        population=population,
        out_of_time=lambda: len(journal.state.decided) >= late,
        too_late=lambda: len(journal.state.decided) >= late + 2,
        max_candidates=most,
    )
    search = Search(
        journal=journal,
        inbox=ScriptedInbox(events, script),
        proposer=NumberProposer(numbers=40) if dies is None else proposers(dies, workers),
        train=trainer.train,
        selector=BestFirst(3),
        objects=objects,
        crew=crew,
        pace=pace,
    )
    search.run()
    Finals(
        journal=journal,
        objects=objects,
        trainer=trainer,
        crew=crew,
        workers=workers,
        finalists=2,
        time_left_s=lambda: 1e6,
        open_test=lambda: 1,
        settle=search.settle,
        compare=lambda ours, theirs, n: (0.1, 0.0, 0.2),
        at_chance=falls_to_chance,
    ).run()


def uncut(
    seed: int,
    workers: int,
    population: int,
    most: int,
    late: int = 99,
    dies: int | None = None,
    script: Script = (),
    approve: bool = False,
) -> list[Event]:
    events = MemoryEvents()
    play(events, MemoryObjects(), seed, workers, population, most, late, dies, script, approve)
    return events.events


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    workers=st.integers(1, 4),
    population=st.integers(1, 5),
    most=st.integers(1, 12),
    script=SCRIPTS,
    late=st.integers(0, 12),
    dies=st.none() | st.integers(0, 12),
    approve=st.booleans(),
    data=st.data(),
)
def test_a_resumed_run_equals_an_uninterrupted_one(seed, workers, population, most, script, late, dies, approve, data):
    whole = uncut(seed, workers, population, most, late, dies, script, approve)
    script = script[: sum(isinstance(event, Told) for event in whole)]  # what comes after the end is not heard
    cuts = data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=3).map(sorted))
    objects, kept = MemoryObjects(), ()
    for cut in cuts:
        events = MemoryEvents(kept, capacity=cut)
        with pytest.raises(Cut):
            play(events, objects, seed, workers, population, most, late, dies, script, approve)
        kept = tuple(events.events)
    events = MemoryEvents(kept)
    play(events, objects, seed, workers, population, most, late, dies, script, approve)
    assert events.events == whole
    assert_weights_of_survivors_alone(Journal(events).state, objects)
    assert_people_were_heeded(whole)


def assert_people_were_heeded(events: list[Event]) -> None:
    """Nothing begins in a pause, nor what nobody has approved or what was refused; a refusal is decided and said."""
    fold, started = Fold(), set()
    for event in events:
        if isinstance(event, Asked | Started | SearchEnded):
            assert not fold.snapshot().paused
        if isinstance(event, Started) and event.stage is Stage.SEARCH:
            assert event.candidate in fold.snapshot().ready
            started.add(event.candidate)
        fold.take(event)
    state = fold.snapshot()
    wait = {record.id for record in state.candidates} if state.approve else set()
    assert started & wait <= state.approved
    assert {record.id for record in state.candidates if record.refused} == set(state.decided) - started


def assert_weights_of_survivors_alone(state: State, objects: MemoryObjects) -> None:
    """One state of each judged baseline, survivor and finalist can still be had, and no other that is known."""
    standing = {r.id for r in (*state.baselines, *state.survivors)} | set(state.finalists)
    for record in state.records.values():
        made = {t.state for t in (record.search, *record.finals) if t and t.state}
        kept = {record.kept.state} if record.kept and record.id in standing else set()
        assert {digest for digest in made if objects.holds(digest)} == kept


def test_whatever_was_asked_is_booked_when_time_is_up():
    events = uncut(seed=5, workers=4, population=3, most=99, late=4)
    asked = [e.number for e in events if isinstance(e, Asked)]
    answered = [e.ask for e in events if isinstance(e, Admitted | Rejected) and e.ask is not None]
    assert len(asked) > 4
    assert sorted(answered) == asked


PAUSES = ((8, Pause()), (8, told("b")), (20, Pause()), (20, Resume()), (30, Pause()))


@pytest.mark.parametrize(
    ("script", "approve"), [(((10, told("a")), (10, told("b")), (30, told("c"))), False), (PAUSES, True)]
)
def test_every_possible_cut(script, approve):
    whole = uncut(5, 2, 3, 8, script=script, approve=approve)
    assert len(whole) > 40
    heard = {type(event.command) for event in whole if isinstance(event, Told)}
    assert not approve or heard >= {Pause, Resume, Approve, Ban}
    assert_people_were_heeded(whole)
    for cut in range(len(whole)):
        objects = MemoryObjects()
        events = MemoryEvents(capacity=cut)
        with pytest.raises(Cut):
            play(events, objects, 5, 2, 3, 8, script=script, approve=approve)
        resumed = MemoryEvents(tuple(events.events))
        play(resumed, objects, 5, 2, 3, 8, script=script, approve=approve)
        assert resumed.events == whole, f"cut after event {cut}"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), script=SCRIPTS)
def test_what_is_told_before_the_search_ends_is_heard_once_and_in_order(seed, script):
    events = uncut(seed, 2, 3, 8, script=script)
    heard = [event for event in events if isinstance(event, Told)]
    assert [event.number for event in heard] == list(range(1, len(heard) + 1))
    told = [command for _, command in script[: len(heard)]]
    assert [event.command for event in heard] == told + [Resume()] * (len(heard) - len(told))
    over = next(at for at, event in enumerate(events) if type(event).__name__ == "SearchEnded")
    assert not any(isinstance(event, Told) for event in events[over:])
    last_turn = over - sum(isinstance(event, Told) for event in events) - 6  # ending books late answers and closes
    assert len(heard) >= sum(due <= last_turn for due, _ in script)
