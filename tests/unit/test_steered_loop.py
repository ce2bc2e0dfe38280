"""What people tell the loop while it searches: to stop, what to build on, and what not."""

from autorec.domain.commands import Ban, Command, Pin, Stop
from autorec.domain.events import Asked, RunStarted, Started, Told
from autorec.journal import Journal
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


def test_a_person_who_asks_to_stop_lets_what_trains_end_and_nothing_begin():
    events = MemoryEvents()
    journal = Journal(events)
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    Search(
        journal=journal,
        inbox=ScriptedInbox(events, [(12, Stop())]),
        proposer=NumberProposer(),
        train=InstantTrainer().train,
        selector=BestFirst(2),
        objects=MemoryObjects(),
        crew=OneAtATime(),
        pace=Pace(workers=3, population=4, out_of_time=lambda: False, too_late=lambda: False),
    ).run()
    at = next(i for i, event in enumerate(events.events) if isinstance(event, Told))
    assert not any(isinstance(event, Started | Asked) for event in events.events[at:])
    assert journal.state.search_ended == "a person asked it to stop"
    assert journal.state.training == journal.state.decided_since == ()


def steered(*script: tuple[int, Command]) -> Journal:
    events = MemoryEvents()
    journal = Journal(events)
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    Search(
        journal=journal,
        inbox=ScriptedInbox(events, script),
        proposer=NumberProposer(),
        train=InstantTrainer().train,
        selector=BestFirst(2),
        objects=MemoryObjects(),
        crew=OneAtATime(),
        pace=Pace(workers=2, population=4, out_of_time=lambda: False, too_late=lambda: False, max_candidates=20),
    ).run()
    return journal


def test_a_pinned_candidate_is_built_on_whatever_selection_says_and_a_banned_one_is_not():
    alone = steered().state
    best = alone.survivors[0].id
    worst = alone.best_first(alone.records[i] for i in alone.decided[:4])[-1].id
    assert worst not in {record.id for record in alone.survivors}
    begun = alone.seq // 2
    state = steered((begun, Pin(candidate=worst)), (begun, Ban(candidate=best))).state
    assert state.verdicts == {worst: True, best: False}
    assert worst in {record.id for record in state.survivors}
    assert best not in {record.id for record in state.survivors}
    taken_back = steered((begun, Pin(candidate=worst)), (begun + 1, Ban(candidate=worst))).state
    assert worst not in {record.id for record in taken_back.survivors}
