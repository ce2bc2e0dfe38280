"""What is told of a training besides its score: the examiner's findings, its curve, its weights, whom it resembles."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from autorec.domain.candidate import Candidate
from autorec.domain.curve import shape_of
from autorec.domain.diagnosis import Agreement, Answered, Course, Diagnosis, Weights, tenths
from autorec.domain.evaluation import CurvePoint, Objective, Trained
from autorec.domain.findings import judged_parents
from autorec.domain.job import Stage
from autorec.domain.likeness import twin_of
from autorec.domain.state import Record, State
from autorec.ports import Examiner, Objects, Trains

BASELINES = 2
"""So many of the best baselines are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosing:
    """A trainer whose trainings of the search come with a diagnosis. Implements `ports.Trains`.

    `known` gives the run as it stands, None outside one: whom a candidate is compared with is what is known when its
    training ends. Baselines are compared with nobody, so that what is kept of them serves every run. `weigh` reads a
    kept state; `training_s` is the time allowed.
    """

    inner: Trains
    objects: Objects
    examiner: Examiner
    weigh: Callable[[bytes], Weights | None]
    objective: Objective
    training_s: float
    known: Callable[[], State | None]

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        """See `ports.Trains`."""
        trained = self.inner.train(candidate, stage, seed)
        if stage is not Stage.SEARCH or not trained.ok:
            return trained
        return replace(trained, diagnosis=self._diagnosis(trained))

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        """See `ports.Trains`."""
        return self.inner.predict(candidate, stage, kept)

    def _diagnosis(self, trained: Trained) -> Diagnosis:
        answers, state = self._answers(trained), self.known()
        record = state.records.get(trained.candidate) if state else None
        alone = Diagnosis(
            examined=self.examiner.examine(answers),
            course=self._course(trained),
            weights=self.weigh(self.objects.get(trained.state)) if trained.state else None,
        )
        if state is None or record is None or record.is_baseline:
            return alone
        others = [other for other in state.records.values() if other.ok and other.id != record.id]
        return replace(
            alone,
            agreements=tuple(self._agreements(answers, trained, record, state)),
            twin=twin_of(trained.evaluation.fingerprint if trained.evaluation else (), others),
        )

    def _agreements(self, answers: Answered, trained: Trained, record: Record, state: State) -> Iterator[Agreement]:
        rivals = (*judged_parents(record, state), *state.best_first(state.baselines)[:BASELINES])
        for rival in {each.id: each for each in rivals}.values():
            if rival.search and rival.search.predictions and trained.pairs_with(rival.search):
                contrast = self.examiner.compare(answers, self._answers(rival.search))
                yield Agreement(candidate=rival.id, contrast=contrast)

    def _answers(self, trained: Trained) -> Answered:
        return Answered(
            predictions=self.objects.get(trained.predictions or ""), per_unit=self.objects.get(trained.per_unit or "")
        )

    def _course(self, trained: Trained) -> Course:
        best = max(trained.curve, key=self._worth)
        return Course(
            shape=shape_of(trained.curve, self.objective),
            best_at=tenths(best.training_s, self.training_s),
            used=tenths(trained.usage.training_s, self.training_s),
        )

    def _worth(self, point: CurvePoint) -> float:
        return self.objective.worth(point.value)
