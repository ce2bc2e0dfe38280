"""Which trainings are diagnosed, and with whom they are compared."""

from dataclasses import dataclass, replace

import pytest

from autorec.diagnosing import Diagnosing
from autorec.domain.candidate import Candidate, Operator
from autorec.domain.diagnosis import Answered, Contrast, CurveShape, Examined, Weights
from autorec.domain.evaluation import CurvePoint, Evaluation, Objective, Trained
from autorec.domain.events import RunStarted, SearchEnded
from autorec.domain.job import OutcomeKind, Part, Stage, Usage
from autorec.domain.state import Record, State
from autorec.journal import Journal
from autorec.testing.loop import TASK, MemoryEvents
from autorec.testing.memory import MemoryObjects

CANDIDATE = Candidate.of({"model.py": "X = 1\n", "train.py": ""})
PRINT, OTHER = tuple(range(100)), tuple(range(500, 600))


class Examiner:
    """Says who was compared, by the bytes of their answers."""

    def examine(self, answers: Answered) -> Examined:
        return Examined(segments=(), coverage=float(len(answers.predictions)))

    def compare(self, ours: Answered, theirs: Answered) -> Contrast:
        assert ours.predictions == b"ours"
        return Contrast(of=theirs.predictions.decode(), in_common=0.0, gained=1, lost=1, unchanged=1)


@dataclass
class Told:
    """A trainer that gives what it was made with."""

    gives: Trained

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        return replace(self.gives, stage=stage)

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        return replace(kept, stage=stage)


class Known:
    """A run whose records are told one by one."""

    def __init__(self) -> None:
        self.objects = MemoryObjects()
        self._records: dict[str, Record] = {}

    def tell(self, name, value=0.1, *, operator=Operator.DRAFT, parents=(), fingerprint=OTHER) -> str:
        search = None if value is None else self.trained(name, value, name.encode(), fingerprint)
        self._records[name] = Record(
            id=name, number=len(self._records), operator=operator, proposer="llm", parents=parents, name=name,
            search=search,
        )  # fmt: skip
        return name

    def trained(self, name, value, answers=b"ours", fingerprint=PRINT) -> Trained:
        evaluation = Evaluation(part=Part.SELECT, metrics={"ndcg@10": value}, n_units=3, fingerprint=fingerprint)
        points = [CurvePoint(training_s=2.0 * at, value=v, predict_s=0.1) for at, v in ((1, 0.0), (2, value))]
        return Trained(
            candidate=name, stage=Stage.SEARCH, seed=0, outcome=OutcomeKind.COMPLETED, reason="", tier="fake",
            usage=Usage(training_s=7.9), evaluation=evaluation if value else None, curve=tuple(points),
            predictions=self.objects.put(answers), per_unit=self.objects.put(b"values"),
            state=self.objects.put(b"weights"),
        )  # fmt: skip

    def ours(self, operator=Operator.IMPROVE, parents=()) -> None:
        record = Record(id=CANDIDATE.id, number=99, operator=operator, proposer="llm", parents=parents)
        self._records[CANDIDATE.id] = record

    def diagnosing(self, trained: Trained | None = None, *, alone: bool = False) -> Diagnosing:
        state = State(seq=1, task=TASK, seed=0, records=dict(self._records))
        return Diagnosing(
            inner=Told(trained or self.trained(CANDIDATE.id, 0.2)), objects=self.objects, examiner=Examiner(),
            weigh=lambda content: Weights(n_numbers=len(content)), objective=Objective(name="ndcg@10"),
            training_s=10.0, known=lambda: None if alone else state,
        )  # fmt: skip


@pytest.fixture
def known() -> Known:
    return Known()


def test_what_is_told_of_a_training_by_itself(known):
    found = known.diagnosing(alone=True).train(CANDIDATE, Stage.SEARCH, 0).diagnosis
    assert found.examined == Examined(segments=(), coverage=4.0)
    assert (found.course.shape, found.course.best_at, found.course.used) == (CurveShape.RISING, 0.4, 0.8)
    assert found.weights == Weights(n_numbers=len(b"weights"))
    assert (found.agreements, found.twin) == ((), None)


def test_only_what_was_judged_in_the_search_is_diagnosed(known):
    known.ours()
    diagnosing = known.diagnosing()
    assert diagnosing.train(CANDIDATE, Stage.FINALIST, 0).diagnosis is None
    assert diagnosing.train(CANDIDATE, Stage.FINAL, 0).diagnosis is None
    kept = known.trained(CANDIDATE.id, 0.2)
    assert diagnosing.predict(CANDIDATE, Stage.FINALIST, kept).diagnosis is None
    assert known.diagnosing(known.trained(CANDIDATE.id, 0.0)).train(CANDIDATE, Stage.SEARCH, 0).diagnosis is None


def test_it_is_compared_with_its_parents_and_the_best_two_baselines(known):
    for name, value in (("pop", 0.1), ("ease", 0.3), ("sasrec", 0.2)):
        known.tell(name, value, operator=Operator.BASELINE)
    known.tell("grandparent")
    known.tell("failed", 0.0, parents=("grandparent",))
    known.tell("parent")
    known.tell("stranger", 0.9)
    known.ours(parents=("parent", "failed"))
    found = known.diagnosing().train(CANDIDATE, Stage.SEARCH, 0).diagnosis
    assert [each.candidate for each in found.agreements] == ["parent", "grandparent", "ease", "sasrec"]
    assert [each.contrast.of for each in found.agreements] == ["parent", "grandparent", "ease", "sasrec"]


def test_a_baseline_is_compared_with_nobody_as_other_runs_recall_it(known):
    known.tell("pop", operator=Operator.BASELINE, fingerprint=PRINT)
    known.ours(operator=Operator.BASELINE)
    found = known.diagnosing().train(CANDIDATE, Stage.SEARCH, 0).diagnosis
    assert (found.agreements, found.twin) == ((), None)


def test_whose_answers_it_repeats(known):
    known.tell("other")
    known.tell("waiting", None)
    known.tell("failed", 0.0, fingerprint=PRINT)
    known.tell("same", fingerprint=(*PRINT[:95], *OTHER[95:]))
    known.tell("same again", fingerprint=(*PRINT[:95], *OTHER[95:]))
    known.ours()
    twin = known.diagnosing().train(CANDIDATE, Stage.SEARCH, 0).diagnosis.twin
    assert (twin.candidate, twin.similarity) == ("same", 0.95)


def test_what_the_loop_looked_at_last_is_there_for_other_threads():
    journal = Journal(MemoryEvents())
    assert journal.latest is None
    journal.record(RunStarted(task=TASK, seed=0, version="1", config={}))
    begun = journal.state
    assert journal.latest is begun
    journal.record(SearchEnded(reason="over"))
    assert journal.latest is begun
    assert journal.state is journal.latest is not begun
