"""Every kind of event survives the store, and the fold takes it."""

import pytest

from autorec.domain import events as ev
from autorec.domain.candidate import Operator, Plan
from autorec.domain.commands import Hypothesize, Stop, Unreadable
from autorec.domain.control import Control, within
from autorec.domain.errors import RunError
from autorec.domain.evaluation import CurvePoint, Evaluation, Objective, Task, Trained
from autorec.domain.fold import Fold
from autorec.domain.hypothesis import Hypothesis
from autorec.domain.job import OutcomeKind, Part, Stage, Usage
from autorec.domain.lesson import Lesson, Note, Tally
from autorec.domain.state import Fault
from autorec.schemas.events import decode, encode, kind_of
from autorec.testing.diagnoses import made_up

TASK = Task(
    role="retrieval",
    data_name="ünïcode \x1b[31m",
    data_digest="d",
    split_rule="loo",
    split_digest="s",
    sizes={"users": 3, "items": 3, "interactions": 9},
    objectives=(Objective(name="ndcg@10"),),
)
PLAN = Plan(proposer="policy", operator=Operator.POLICY, seed=1, design={"family": "linear", "x": 0.1, "y": True})
TRAINED = Trained(
    candidate="c1",
    stage=Stage.SEARCH,
    seed=3,
    outcome=OutcomeKind.COMPLETED,
    reason="",
    tier="bwrap",
    usage=Usage(wall_s=1.5, memory_bytes=10),
    evaluation=Evaluation(part=Part.SELECT, metrics={"ndcg@10": 0.1}, n_units=3, fingerprint=(1, 2)),
    curve=(CurvePoint(training_s=1.0, value=0.1, predict_s=0.01),),
    diagnosis=made_up(against=("c0",), twin="c0"),
)
REFUSED = Control(name="NaN", unit="", value=None, held=True, expected="no value at all")
LOOK_BACK = Plan(proposer="reflect", operator=Operator.REFLECT, seed=1, model="m", design={"generation": 1})
TALLY = Tally(run="r", run_id="1", data="d", data_digest="e", date="2026-01-02", version="1", support=2)
REMEMBERED = Lesson(sentence="Long is better.", tags=("data",), earlier=(TALLY,), remembered=True)
STORY = (
    ev.RunStarted(task=TASK, seed=3, version="1", config={"a": [1, None]}, hypotheses=("h",), lessons=(REMEMBERED,)),
    ev.Checked(controls=(within("constant", "ndcg@10", 0.1, 0.0, 0.2, "chance"), REFUSED)),
    ev.Told(number=1, command=Hypothesize(hypothesis=Hypothesis(sentence="told", predicted_effect="ndcg@10 +0.01"))),
    ev.Told(number=2, command=Hypothesize(hypothesis=Hypothesis(sentence="h", predicted_effect="told twice"))),
    ev.Told(number=3, command=Unreadable(problem="a command of tomorrow")),
    ev.Told(number=5, command=Stop()),
    ev.Asked(number=0, plan=PLAN, seen=1),
    ev.Asked(number=1, plan=PLAN, seen=2),
    ev.Admitted(
        candidate="c1", plan=PLAN, ask=0, exchanges=("x",), bills=(ev.Bill(model="m", usd=0.5, tokens=7, calls=1),)
    ),
    ev.Rejected(
        ask=1, reason="no", lasting=True, duplicate_of="c1", bills=(ev.Bill(model="m", tokens=3, calls=1, unpriced=1),)
    ),
    ev.TriedAgain(writer=PLAN.proposer),
    ev.Asked(number=2, plan=LOOK_BACK, seen=8),
    ev.Started(candidate="c1", stage=Stage.SEARCH, seed=3),
    ev.Finished(trained=TRAINED),
    ev.GenerationClosed(number=1, decided=1, survivors=("c1",), reasons={"c1": "kept"}),
    ev.Reflected(
        ask=2,
        notes=(
            Note(sentence="Short is better.", tags=("data",), supported=("c1",)),
            Note(known=1, contradicted=("c1",)),
        ),
        exchanges=("y",),
        bills=(ev.Bill(model="m", usd=0.25, tokens=2, calls=1),),
    ),
    ev.SearchEnded(reason="done"),
    ev.FinalistsChosen(candidates=("c1",)),
    ev.ChampionChosen(candidate="c1", reason="best"),
    ev.TestOpened(count=2),
    ev.RunEnded(
        reason="done",
        evidence=ev.Evidence(against="ease", effect=0.1, low=-0.1, high=0.3, comparisons=2, n_units=3, verified=False),
    ),
)


@pytest.mark.parametrize("event", STORY, ids=lambda e: type(e).__name__)
def test_events_survive_the_store(event):
    assert decode(kind_of(event), encode(event)) == event


def test_every_kind_is_in_the_story():
    assert {type(e) for e in STORY} == set(ev.Event.__args__)


def test_the_fold_tells_the_story():
    fold = Fold()
    for event in STORY:
        fold.take(event)
    state = fold.snapshot()
    assert state.seq == len(STORY)
    assert (state.asked, state.asks, state.queue, state.training) == (3, (), (), ())
    assert state.decided == ("c1",)
    assert state.decided_since == ()
    assert [r.id for r in state.survivors] == ["c1"]
    assert state.records["c1"].design == PLAN.design
    assert state.records["c1"].search == TRAINED
    assert state.declined[0].duplicate_of == "c1"
    assert state.faults == {PLAN.proposer: Fault(ask=1, reason="no", tried_again=True)}
    assert state.spent == ev.Bill(usd=0.75, tokens=12, calls=3, unpriced=1)
    assert state.reflections[0].plan == LOOK_BACK
    assert [(lesson.held, lesson.failed, lesson.model) for lesson in state.lessons] == [(2, 1, ""), (1, 0, "m")]
    assert [(h.sentence, h.predicted_effect) for h in state.hypotheses] == [("h", None), ("told", "ndcg@10 +0.01")]
    assert (state.heard, state.stop_asked) == (5, True)
    assert (state.champion, state.test_opened, state.ended) == ("c1", 2, "done")


def test_a_snapshot_does_not_change_with_later_events():
    fold = Fold()
    for event in STORY[:9]:
        fold.take(event)
    before = fold.snapshot()
    for event in STORY[9:]:
        fold.take(event)
    assert before.queue == ("c1",)
    assert before.records["c1"].search is None


@pytest.mark.parametrize(("kind", "content"), [("unheard_of", "{}"), ("asked", "{"), ("asked", '{"number": "x"}')])
def test_events_of_another_version_or_damaged_are_refused(kind, content):
    with pytest.raises(RunError):
        decode(kind, content)
