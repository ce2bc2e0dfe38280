"""States of a run, built by hand: records with the outcome that a test needs."""

from collections.abc import Mapping, Sequence

from autorec.domain.candidate import Candidate, Operator
from autorec.domain.diagnosis import Diagnosis
from autorec.domain.evaluation import CurvePoint, Evaluation, Objective, Task, Trained
from autorec.domain.hypothesis import Hypothesis
from autorec.domain.job import OutcomeKind, Part, Stage, Usage
from autorec.domain.state import Generation, Record, State
from autorec.ports import Objects

TASK = Task(
    role="retrieval",
    data_name="secret-name-of-the-data",
    data_digest="0" * 64,
    split_rule="leave_one_out",
    split_digest="1" * 64,
    sizes={"users": 943, "items": 1682, "interactions": 98114},
    objectives=(Objective(name="ndcg@10"),),
)


class Story:
    """Collects records in order; `state()` is the run so far."""

    def __init__(self, objects: Objects, task: Task = TASK, hypotheses: Sequence[str] = ()) -> None:
        self._objects = objects
        self._task = task
        self._hypotheses = tuple(Hypothesis(sentence=sentence) for sentence in hypotheses)
        self._records: dict[str, Record] = {}

    def tell(
        self,
        files: Mapping[str, str],
        *,
        operator: Operator = Operator.DRAFT,
        proposer: str = "llm",
        value: float | None = None,
        outcome: OutcomeKind = OutcomeKind.COMPLETED,
        reason: str = "",
        log: str = "",
        decided: bool = True,
        parents: tuple[str, ...] = (),
        hypothesis: str | None = None,
        predicted_effect: str | None = None,
        name: str | None = None,
        diagnosis: Diagnosis | None = None,
    ) -> Record:
        """Add a candidate; its sources go to the store. `value` is its primary metric on select."""
        candidate = Candidate.of(files)
        self._objects.put(candidate.to_bytes())
        number = len(self._records)
        search = self._trained(candidate.id, value, outcome, reason, log, diagnosis) if decided else None
        record = Record(
            id=candidate.id, number=number, operator=operator, proposer=proposer, parents=parents,
            hypothesis=hypothesis, predicted_effect=predicted_effect, name=name, asked=number, search=search,
        )  # fmt: skip
        self._records[record.id] = record
        return record

    def state(self, survivors: Sequence[Record] = ()) -> State:
        """The run now, with a closed generation where there are survivors."""
        generation = Generation(number=1, survivors=tuple(r.id for r in survivors), reasons={}, decided=0)
        return State(
            seq=len(self._records),
            task=self._task,
            seed=1,
            hypotheses=self._hypotheses,
            records=dict(self._records),
            asked=len(self._records),
            generations=(generation,) if survivors else (),
        )

    def _trained(
        self,
        candidate: str,
        value: float | None,
        outcome: OutcomeKind,
        reason: str,
        log: str,
        diagnosis: Diagnosis | None,
    ) -> Trained:
        metrics = {self._task.primary.name: value} if value is not None else {}
        evaluation = Evaluation(part=Part.SELECT, metrics=metrics, n_units=943) if metrics else None
        curve = (CurvePoint(training_s=1.0, value=value / 2, predict_s=0.1),) if value is not None else ()
        return Trained(
            candidate=candidate, stage=Stage.SEARCH, seed=1, outcome=outcome, reason=reason, tier="fake",
            usage=Usage(training_s=41.234567), evaluation=evaluation, curve=curve,
            log=self._objects.put(log.encode()) if log else None, diagnosis=diagnosis,
        )  # fmt: skip
