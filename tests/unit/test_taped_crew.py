"""What a crew that follows a recording gives, where trainings are done again and the finals have gone another way."""

from typing import Any

from autorec.domain.candidate import Candidate, Operator, Plan
from autorec.domain.events import Asked, Finished, Rejected, RunStarted, SearchEnded, Started
from autorec.domain.job import Stage
from autorec.domain.recording import Recording
from autorec.execution.crew import AtMost
from autorec.journal import Journal
from autorec.replay import Tape, TapedCrew, TapedInbox, TapedProposer
from autorec.search import NEVER_CAME, Pace, Search
from autorec.testing.loop import TASK, BestFirst, InstantTrainer, MemoryEvents, OneAtATime
from autorec.testing.memory import MemoryObjects

BASELINE = Candidate.of({"model.py": "# pop\n"})


def test_what_is_open_at_the_end_never_came_wherever_the_recording_stands():
    plan = Plan(proposer="policy", operator=Operator.DRAFT, seed=0)
    begun = [
        RunStarted(task=TASK, seed=1, version="test", config={}),
        Asked(number=0, plan=plan, seen=1),
        SearchEnded(reason="out of time"),
    ]
    final = InstantTrainer().train(BASELINE, Stage.FINAL, 1)
    started = Started(candidate=BASELINE.id, stage=Stage.FINAL, seed=1)
    recorded = (*begun, Finished(trained=final), started, Rejected(ask=0, reason=NEVER_CAME))
    journal, objects = Journal(MemoryEvents(tuple(begun))), MemoryObjects()
    tape = Tape(recording=Recording(events=recorded, exchanges={}), objects=objects, journal=journal)
    search = Search(
        journal=journal, inbox=TapedInbox(tape=tape), proposer=TapedProposer(tape=tape, asked=None),
        train=InstantTrainer().train, selector=BestFirst(1), objects=objects,
        crew=TapedCrew(tape=tape, trains=OneAtATime()),
        pace=Pace(workers=1, population=1, out_of_time=lambda: True, too_late=lambda: True),
    )  # fmt: skip
    search.settle()
    assert not journal.state.asks
    assert [declined.reason for declined in journal.state.declined] == [NEVER_CAME]


class Watched(OneAtATime):
    """Remembers how many calls were under way at most."""

    most = under_way = 0

    def submit(self, key: Any, call: Any) -> None:
        super().submit(key, call)
        self.under_way += 1
        self.most = max(self.most, self.under_way)

    def next(self, timeout_s: float | None = None) -> Any:
        self.under_way -= 1
        return super().next(timeout_s)


def test_no_more_runs_at_once_than_this_machine_bears_and_all_of_it_ends():
    watched = Watched()
    crew = AtMost(watched, 2)
    for number in range(7):
        crew.submit(number, lambda number=number: number * 10)
    assert sorted(crew.next() for _ in range(7)) == [(number, number * 10) for number in range(7)]
    assert watched.most == 2
