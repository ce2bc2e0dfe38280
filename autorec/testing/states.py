"""States of a run, built by hand: records with the outcome that a test needs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from autorec.domain.candidate import Candidate, Operator
from autorec.domain.diagnosis import Diagnosis
from autorec.domain.evaluation import CurvePoint, Evaluation, Objective, Task, Trained
from autorec.domain.hypothesis import Hypothesis
from autorec.domain.job import OutcomeKind, Part, Stage, Usage
from autorec.domain.lesson import Lesson
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
    statistics={
        "events": 97_170.0,
        "density": 0.06126,
        "events_a_user_lowest_tenth": 20.0,
        "events_a_user_median": 62.0,
        "events_a_user_highest_tenth": 241.4,
        "events_an_item_lowest_tenth": 2.0,
        "events_an_item_median": 26.0,
        "events_an_item_highest_tenth": 164.0,
        "items_without_events": 0.004756,
        "item_gini": 0.631,
        "top_1_percent_of_items": 0.07283,
        "repeated_pairs": 0.0,
        "order_lift": 3.3,
        "days": 214.8,
        "events_in_last_tenth_of_time": 0.08655,
        "days_a_user_median": 0.03023,
        "users_within_a_day": 0.7094,
        "tied_events": 0.7609,
        "distinct_values": 5.0,
        "item_features": 3.0,
        "user_features": 4.0,
        "to_find_a_user": 1.0,
        "to_find_cold_items": 0.003181,
        "to_find_cold_users": 0.0,
    },
)
"""A task as one on MovieLens 100K is."""


class Story:
    """Collects records in order; `state()` is the run so far."""

    def __init__(
        self, objects: Objects, task: Task = TASK, hypotheses: Sequence[str] = (), lessons: Sequence[Lesson] = ()
    ) -> None:
        self._objects = objects
        self._task = task
        self._hypotheses = tuple(Hypothesis(sentence=sentence) for sentence in hypotheses)
        self._lessons = tuple(lessons)
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
        model: str | None = None,
    ) -> Record:
        """Add a candidate; its sources go to the store. `value` is its primary metric on select."""
        candidate = Candidate.of(files)
        self._objects.put(candidate.to_bytes())
        number = len(self._records)
        search = self._trained(candidate.id, value, outcome, reason, log, diagnosis) if decided else None
        record = Record(
            id=candidate.id, number=number, operator=operator, proposer=proposer, parents=parents,
            hypothesis=hypothesis, predicted_effect=predicted_effect, name=name, model=model, asked=number,
            search=search,
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
            lessons=self._lessons,
            records=dict(self._records),
            asked=len(self._records),
            generations=(generation,) if survivors else (),
        )

    def closed(self, survivors: Sequence[Record] = ()) -> State:
        """The run when all that was decided until now has become its first generation."""
        state = self.state(survivors)
        decided = tuple(record.id for record in state.candidates if record.search is not None)
        generation = Generation(number=1, survivors=tuple(r.id for r in survivors), reasons={}, decided=len(decided))
        return replace(state, decided=decided, generations=(generation,))

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
