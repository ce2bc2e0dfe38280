"""Whatever came to a search, in whatever order, a replay of its events is the same search."""

from collections.abc import Callable, Hashable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from autorec.domain.candidate import Operator, Plan
from autorec.domain.commands import Approve, Ban, Pause, Resume
from autorec.domain.events import (
    Admitted,
    Checked,
    Event,
    Finished,
    Rejected,
    RunStarted,
    SearchEnded,
    Told,
    TriedAgain,
)
from autorec.domain.job import Stage
from autorec.domain.parting import Partings
from autorec.domain.recording import Recording
from autorec.domain.schedule import choose
from autorec.domain.seeds import derive_seed
from autorec.finals import Choose, Finals
from autorec.journal import Journal
from autorec.ports import Crew, Events, Inbox, Proposer
from autorec.replay import Tape, TapedCrew, TapedInbox, TapedJournal, TapedProposer
from autorec.search import NEVER_CAME, OUT_OF_TIME, Pace, Search, enter_baseline
from autorec.testing.loop import TASK, BestFirst, Cut, InstantTrainer, MemoryEvents, ScriptedInbox, falls_to_chance
from autorec.testing.memory import MemoryObjects
from tests.property.test_resume import BASELINES, SCRIPTS, proposers

Clocks = tuple[Callable[[], bool], Callable[[], bool]]
PLAN = Plan(proposer="baselines", operator=Operator.BASELINE, seed=0)
OBJECTS = MemoryObjects()


class Weather(Crew):
    """Calls end in an order that the seed alone knows; at the end, every `deaf`-th is still under way."""

    def __init__(self, seed: int, deaf: int) -> None:
        self._waiting: dict[Hashable, Callable[[], Any]] = {}
        self._seed, self._deaf, self._turn = seed, deaf, 0

    def submit(self, key: Hashable, call: Callable[[], Any]) -> None:
        self._waiting[key] = call

    def next(self, timeout_s: float | None = None) -> tuple[Hashable, Any] | None:
        self._turn += 1
        ready = [key for key in self._waiting if timeout_s or derive_seed(self._seed, repr(key)) % self._deaf]
        if not ready:
            return None
        key = ready[derive_seed(self._seed, self._turn) % len(ready)]
        return key, self._waiting.pop(key)()


def work(
    journal: Journal,
    inbox: Inbox,
    proposer: Proposer,
    crews: tuple[Crew, Crew],
    clocks: Clocks,
    *,
    train: Any,
    open_test: Any,
    at_chance: Any,
    time_left_s: Callable[[], float],
    choose: Choose,
    workers: int,
    population: int,
    most: int,
) -> None:
    for name, baseline in BASELINES.items():
        enter_baseline(journal, OBJECTS, name, baseline, PLAN)
    out_of_time, too_late = clocks
    pace = Pace(workers=workers, population=population, out_of_time=out_of_time, too_late=too_late, max_candidates=most)
    search = Search(
        journal=journal,
        inbox=inbox,
        proposer=proposer,
        train=train.train,
        selector=BestFirst(3),
        objects=OBJECTS,
        crew=crews[0],
        pace=pace,
    )
    search.run()
    Finals(
        journal=journal,
        objects=OBJECTS,
        trainer=train,
        crew=crews[1],
        workers=workers,
        finalists=2,
        time_left_s=time_left_s,
        choose=choose,
        open_test=open_test,
        settle=search.settle,
        compare=lambda ours, theirs, n: (0.1, 0.0, 0.2),
        at_chance=at_chance,
    ).run()


def recorded(
    seed: int, late: int, dies: int, script: Any, deaf: int, cut: int = 0, approve: bool = False, **size: int
) -> list[Event]:
    """A search whose time is up at some turns and not at the next, and for good after `late` decisions.

    Where its search is not over after `cut` events, it is killed there and taken up again.
    """
    events = MemoryEvents((), capacity=cut or None)
    try:
        sit(events, seed, late, dies, script, deaf, approve, **size)
    except Cut:
        events = MemoryEvents(tuple(events.events))
        sit(events, seed, late, dies, script, deaf, approve, **size)
    return events.events


def sit(
    events: MemoryEvents, seed: int, late: int, dies: int, script: Any, deaf: int, approve: bool, **size: int
) -> None:
    journal = Journal(events)
    if journal.empty:
        journal.record(RunStarted(task=TASK, seed=seed, version="test", config={}, approve=approve))
    for proposer in [name for name, fault in journal.state.faults.items() if not fault.tried_again]:
        journal.record(TriedAgain(writer=proposer))

    def out_of_time() -> bool:
        state = journal.state
        moody = derive_seed(seed, "time", len(state.decided), len(state.records)) % 4 == 0
        return moody or len(state.decided) >= late

    def too_late() -> bool:
        return len(journal.state.decided) >= late + 2

    def time_left_s() -> float:
        return derive_seed(seed, "left", journal.state.seq) % 60

    work(
        journal,
        ScriptedInbox(events, script),
        proposers(dies, size["workers"]),
        (Weather(seed, deaf), Weather(seed + 1, deaf)),
        (out_of_time, too_late),
        time_left_s=time_left_s,
        choose=choose,
        train=InstantTrainer(OBJECTS.put),
        open_test=lambda: 3,
        at_chance=falls_to_chance,
        **size,
    )


def replayed(events: list[Event], into: Events, **size: int) -> None:
    recording = Recording(events=tuple(events), exchanges={})
    journal = TapedJournal(into, recording)
    journal.record(events[0])
    tape = Tape(recording=recording, objects=OBJECTS, journal=journal)
    crew = TapedCrew(tape=tape)
    work(
        journal,
        TapedInbox(tape=tape),
        TapedProposer(tape=tape, asked=None),
        (crew, crew),
        (tape.out_of_time, tape.too_late),
        time_left_s=lambda: 0.0,
        choose=tape.choose,
        train=Nobody(),
        open_test=tape.opened,
        at_chance=tape.control,
        **size,
    )


class Nobody:
    def train(self, *asked: Any) -> Any:
        raise AssertionError("a replay trains nothing")

    predict = train


SIZES = st.fixed_dictionaries(
    {"workers": st.integers(1, 4), "population": st.integers(1, 5), "most": st.integers(1, 12)}
)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=SIZES,
    script=SCRIPTS,
    late=st.integers(0, 12),
    dies=st.integers(0, 12),
    deaf=st.integers(1, 4),
    approve=st.booleans(),
    data=st.data(),
)
def test_a_replay_is_the_same_search(seed, size, script, late, dies, deaf, approve, data):
    whole = recorded(seed, late, dies, script, deaf, approve=approve, **size)
    over = next(at for at, event in enumerate(whole) if isinstance(event, SearchEnded))
    cut = data.draw(st.integers(0, over))
    whole = recorded(seed, late, dies, script, deaf, cut, approve, **size)
    again = MemoryEvents()
    replayed(whole, again, **size)
    assert again.events == whole


def test_what_the_property_rests_on_happens():
    size = {"workers": 3, "population": 3, "most": 40}
    every = [recorded(seed, 6, 99, (), 2, **size) for seed in range(12)]
    every += [recorded(seed, 9, 2, (), 2, cut=30, **size) for seed in range(4)]
    every += [recorded(seed, 6, 99, ((9, Pause()),), 2, approve=True, **size) for seed in range(4)]
    events = [event for whole in every for event in whole]
    assert any(isinstance(event, TriedAgain) for event in events)
    assert any(isinstance(event, SearchEnded) and event.reason == OUT_OF_TIME for event in events)
    assert any(isinstance(event, Rejected) and event.reason == NEVER_CAME for event in events)
    assert any(isinstance(event, Rejected) and event.duplicate_of for event in events)
    assert any(isinstance(event, Checked) for event in events)
    assert {type(event.command) for event in events if isinstance(event, Told)} >= {Pause, Resume, Approve, Ban}


class Other(InstantTrainer):
    """Trains as another machine would: other values, and now and then another outcome."""

    def train(self, candidate: Any, stage: Any, seed: int) -> Any:
        return super().train(candidate, stage, seed + 1)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), size=SIZES, late=st.integers(1, 12), deaf=st.integers(1, 4))
def test_trainings_anew_follow_the_recorded_order_and_give_figures_of_their_own(seed, size, late, deaf):
    whole = recorded(seed, late, 99, (), deaf, **size)
    recording, again = Recording(events=tuple(whole), exchanges={}), MemoryEvents()
    journal, partings, trainer = Journal(again), Partings(recording), Other(OBJECTS.put)
    journal.record(whole[0])
    tape = Tape(recording=recording, objects=OBJECTS, journal=journal)
    crew = TapedCrew(tape=tape, trains=Weather(seed + 7, 1))
    work(
        journal,
        TapedInbox(tape=tape),
        TapedProposer(tape=tape, asked=None),
        (crew, Weather(seed, 1)),
        (tape.out_of_time, tape.too_late),
        time_left_s=lambda: float("inf"),
        choose=choose,
        train=trainer,
        open_test=lambda: 9,
        at_chance=falls_to_chance,
        **size,
    )
    assert in_order(again.events) == in_order(whole)
    told = [partings.look(event, journal.state) for event in again.events]
    ended = [e.trained for e in whole if isinstance(e, Finished) and e.trained.stage is Stage.SEARCH]
    assert sum(stage is Stage.SEARCH for _, stage, _ in trainer.trained) == len(ended)
    assert len(list(filter(None, told))) >= sum(trained.ok for trained in ended) > 0


def in_order(events: list[Event]) -> list[tuple[str, Any]]:
    """What was admitted and what ended in the search, in order."""
    over = next(at for at, event in enumerate(events) if isinstance(event, SearchEnded))
    admitted = [("admitted", event.candidate) for event in events if isinstance(event, Admitted)]
    ended = [("ended", event.trained.candidate) for event in events[:over] if isinstance(event, Finished)]
    return [*admitted, *ended]
