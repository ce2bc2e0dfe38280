"""Training one candidate and judging it: an executor and a judge, brought together.

The judge sees each checkpoint as it comes, keeps the best one and says when to stop; the candidate sees no score.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from autorec.domain.candidate import Candidate
from autorec.domain.errors import MalformedPredictions
from autorec.domain.evaluation import CurvePoint, Judged, Objective, Trained
from autorec.domain.job import Job, JobKind, Limits, Outcome, OutcomeKind, Part, Snapshot, Stage
from autorec.ports import Executor, Judge, Objects, Trains


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundles:
    """Folders that a sandbox may see: training data by the parts in it, queries by the part they lead to."""

    data: Mapping[tuple[Part, ...], str]
    queries: Mapping[Part, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """Trains candidates and has them judged. `patience` is the number of validations without a gain that ends one."""

    executor: Executor
    judge: Judge
    objects: Objects
    bundles: Bundles
    limits: Limits
    objective: Objective
    patience: int = 5

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        """Train, keep the best checkpoint by the stage's checkpoint part, judge it on the stage's judged part."""
        watch = _Watch(judge=self.judge, part=stage.checkpoint_part, objective=self.objective, patience=self.patience)
        job = Job(
            kind=JobKind.TRAIN,
            candidate=candidate,
            data_dir=self.bundles.data[stage.trained_on],
            query_dir=self.bundles.queries[stage.checkpoint_part],
            seed=seed,
            limits=self.limits,
        )
        outcome = self.executor.run(job, watch)
        trained = self._book(candidate, stage, seed, outcome, watch)
        if not trained.ok or stage.judged_on is stage.checkpoint_part:
            return trained
        return self.predict(candidate, stage, trained)

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        """Judge the kept state of an earlier training on the stage's judged part, in a fresh sandbox.

        The result keeps the curve and costs of that training; `predict_s` is measured anew.
        """
        if kept.state is None:
            raise ValueError(f"{candidate.id} has no kept state to predict from")
        watch = _Watch(judge=self.judge, part=stage.judged_on, objective=self.objective, patience=self.patience)
        job = Job(
            kind=JobKind.PREDICT,
            candidate=candidate,
            data_dir=self.bundles.data[stage.trained_on],
            query_dir=self.bundles.queries[stage.judged_on],
            seed=kept.seed,
            limits=self.limits,
            state=self.objects.get(kept.state),
        )
        outcome = self.executor.run(job, watch)
        judged = self._book(candidate, stage, kept.seed, outcome, watch)
        return replace(
            judged,
            usage=replace(judged.usage, training_s=kept.usage.training_s),
            checkpoint_value=kept.checkpoint_value,
            curve=kept.curve,
            state=kept.state,
            state_bytes=kept.state_bytes,
            reason=judged.reason if not judged.ok else kept.reason,
        )

    def _book(self, candidate: Candidate, stage: Stage, seed: int, outcome: Outcome, watch: "_Watch") -> Trained:
        kind, reason = watch.verdict(outcome)
        trained = Trained(
            candidate=candidate.id,
            stage=stage,
            seed=seed,
            outcome=kind,
            reason=reason,
            tier=outcome.tier,
            usage=outcome.usage,
            curve=tuple(watch.curve),
            log=self.objects.put(outcome.log.encode()) if outcome.log else None,
        )
        best = watch.best
        if kind is not OutcomeKind.COMPLETED or best is None:
            return trained
        return replace(
            trained,
            evaluation=best.evaluation,
            checkpoint_value=best.evaluation.metrics[self.objective.name],
            predict_s=max(point.predict_s for point in watch.curve),
            predictions=self.objects.put(best.predictions),
            per_unit=self.objects.put(best.per_unit),
            state=self.objects.put(watch.best_state) if watch.best_state is not None else None,
            state_bytes=len(watch.best_state) if watch.best_state is not None else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A trainer whose results say how long they took by `clock`, in seconds. Implements `ports.Trains`."""

    inner: Trains
    clock: Callable[[], float]

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        """See `ports.Trains`."""
        return self._timed(lambda: self.inner.train(candidate, stage, seed))

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        """See `ports.Trains`."""
        return self._timed(lambda: self.inner.predict(candidate, stage, kept))

    def _timed(self, call: Callable[[], Trained]) -> Trained:
        began = self.clock()
        return replace(call(), took_s=self.clock() - began)


@dataclass(slots=True, kw_only=True)
class _Watch:
    """Judges checkpoints as they come; an `Observe`."""

    judge: Judge
    part: Part
    objective: Objective
    patience: int
    curve: list[CurvePoint] = field(default_factory=list)
    best: Judged | None = None
    best_state: bytes | None = None
    malformed: str | None = None
    stale: int = 0

    def __call__(self, snapshot: Snapshot) -> bool:
        try:
            judged = self.judge.judge(snapshot.predictions, self.part)
        except MalformedPredictions as error:
            self.malformed = f"checkpoint {snapshot.index}: {error}"
            return True
        value = judged.evaluation.metrics[self.objective.name]
        self.curve.append(CurvePoint(training_s=snapshot.training_s, value=value, predict_s=snapshot.predict_s))
        if self._is_better(value):
            self.best, self.best_state, self.stale = judged, snapshot.state, 0
        else:
            self.stale += 1
        return self.stale >= self.patience

    def verdict(self, outcome: Outcome) -> tuple[OutcomeKind, str]:
        """The outcome, corrected by what the judge saw: refused predictions are the candidate's fault."""
        if self.malformed is not None:
            return OutcomeKind.MALFORMED, self.malformed
        if outcome.kind is OutcomeKind.COMPLETED and self.best is None:
            return OutcomeKind.MALFORMED, "the training ended without a single checkpoint"
        if outcome.kind is OutcomeKind.COMPLETED and self.stale >= self.patience:
            return outcome.kind, f"no gain for {self.patience} validations"
        return outcome.kind, outcome.reason

    def _is_better(self, value: float) -> bool:
        if self.best is None:
            return True
        return self.objective.worth(value - self.best.evaluation.metrics[self.objective.name]) > 0
