"""Weights that nothing needs are removed while a run goes on, and no others."""

import hashlib

import pytest

from autorec.domain import events as ev
from autorec.domain.candidate import Operator, Plan
from autorec.domain.errors import StoreError
from autorec.domain.evaluation import Evaluation, Trained
from autorec.domain.job import OutcomeKind, Part, Stage, Usage
from autorec.journal import Journal
from autorec.testing.loop import TASK, MemoryEvents
from autorec.testing.memory import MemoryObjects
from autorec.wiring.shelf import Shelf


class Run:
    """A run told by hand, with a shelf that listens."""

    def __init__(self, keep_all: bool = False) -> None:
        self.objects = MemoryObjects()
        self.shelf = Shelf(self.objects, keep_all=keep_all)
        self.journal = Journal(MemoryEvents(), (self.shelf.listen,))
        self.journal.record(ev.RunStarted(task=TASK, seed=1, version="test", config={}))

    def begin(self, name: str, operator: Operator = Operator.DRAFT) -> None:
        plan = Plan(proposer="llm", operator=operator, seed=0)
        if operator is Operator.BASELINE:
            self.journal.record(ev.Admitted(candidate=name, plan=plan, name=name))
        else:
            number = self.journal.state.asked
            self.journal.record(ev.Asked(number=number, plan=plan, seen=0))
            self.journal.record(ev.Admitted(candidate=name, plan=plan, ask=number))
        self.journal.record(ev.Started(candidate=name, stage=Stage.SEARCH, seed=0))

    def finish(self, name: str, weights: str) -> None:
        evaluation = Evaluation(part=Part.SELECT, metrics={"ndcg@10": 0.1}, n_units=3)
        trained = Trained(
            candidate=name, stage=Stage.SEARCH, seed=0, outcome=OutcomeKind.COMPLETED, reason="", tier="told",
            usage=Usage(), evaluation=evaluation, state=weights, predictions=weights,
        )  # fmt: skip
        self.journal.record(ev.Finished(trained=trained))

    def train(self, name: str, weights: bytes, operator: Operator = Operator.DRAFT) -> str:
        self.begin(name, operator)
        digest = self.shelf.put(weights)
        self.finish(name, digest)
        return digest

    def close(self, *survivors: str) -> None:
        decided = len(self.journal.state.decided_since)
        self.journal.record(ev.GenerationClosed(number=1, survivors=survivors, reasons={}, decided=decided))


def test_what_a_generation_drops_goes_and_all_else_stays() -> None:
    run = Run()
    baseline = run.train("pop", b"pop", Operator.BASELINE)
    good, bad = run.train("a", b"good"), run.train("b", b"bad")
    assert run.objects.holds(bad)  # nothing has decided on it yet
    run.close("a")
    after = run.train("c", b"after")
    assert [run.objects.holds(digest) for digest in (baseline, good, bad, after)] == [True, True, False, True]
    run.close("c")
    assert [run.objects.holds(digest) for digest in (baseline, good, after)] == [True, False, True]
    with pytest.raises(StoreError):
        run.shelf.get(good)


def test_equal_weights_of_a_training_under_way_stay() -> None:
    run = Run()
    equal = run.train("a", b"equal")
    run.begin("b")
    run.shelf.put(b"equal")  # b has ended, and no event says so yet
    run.close()
    assert run.objects.holds(equal)
    run.finish("b", equal)
    run.close("b")
    assert run.objects.holds(equal)
    run.close()
    assert not run.objects.holds(equal)


def test_all_stay_where_all_are_asked_for() -> None:
    run = Run(keep_all=True)
    dropped = run.train("a", b"bad")
    run.close()
    assert run.objects.holds(dropped)


def test_what_a_kill_left_is_removed_when_the_run_is_taken_up() -> None:
    run = Run()
    dropped = run.train("a", b"bad")
    run.close()
    run.objects.put(b"bad")
    Shelf(run.objects).clear(run.journal.state)
    assert not run.objects.holds(dropped) and dropped == hashlib.sha256(b"bad").hexdigest()
