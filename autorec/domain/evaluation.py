"""What the judge measured, and what became of one training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from autorec.domain.diagnosis import Diagnosis
from autorec.domain.job import NO_ISOLATION, OutcomeKind, Part, Stage, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Metrics of one candidate on one part, `metrics` keyed like `ndcg@10` (higher is better unless it says not).

    `n_units` is the number of units that they rest on: users, or rows, whatever a bootstrap draws. `fingerprint` is a
    minhash signature of what the candidate puts on top: the share of equal entries estimates the Jaccard similarity
    of two candidates' answers.
    """

    part: Part
    metrics: Mapping[str, float]
    n_units: int
    fingerprint: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An evaluation with the checked predictions, in the data set's own numbering (canonical .npy bytes)
    and the primary metric per unit (.npy float32 [n_units]): the mean is the metric, and drawing units anew gives its
    spread.
    """

    evaluation: Evaluation
    predictions: bytes
    per_unit: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One validation: seconds of training so far, the primary metric, and the seconds one prediction took."""

    training_s: float
    value: float
    predict_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The result of training one candidate in one stage with one seed.

    `took_s` are the seconds from asking for it to having it: a sandbox, training, predicting, judging.
    `not_retrained` marks a final that was judged from the kept state of an earlier stage.
    Digests name objects of the store; `evaluation` is None unless the outcome is completed (or stopped). Only trainings
    of the search are diagnosed.
    """

    candidate: str
    stage: Stage
    seed: int
    outcome: OutcomeKind
    reason: str
    tier: str
    usage: Usage
    took_s: float = 0.0
    evaluation: Evaluation | None = None
    checkpoint_value: float | None = None
    curve: tuple[CurvePoint, ...] = ()
    predict_s: float | None = None
    state_bytes: int | None = None
    predictions: str | None = None
    per_unit: str | None = None
    state: str | None = None
    log: str | None = None
    cached: bool = False
    not_retrained: bool = False
    diagnosis: Diagnosis | None = None

    @property
    def ok(self) -> bool:
        return self.evaluation is not None

    @property
    def isolated(self) -> bool:
        """Whether it was kept from the labels that it was judged on."""
        return self.tier != NO_ISOLATION

    @property
    def n_units(self) -> int:
        """The number of units that its evaluation rests on; 0 without one."""
        return self.evaluation.n_units if self.evaluation else 0

    def pairs_with(self, other: "Trained") -> bool:
        """Whether the values by unit of both are kept, and of as many units."""
        return None not in (self.per_unit, other.per_unit) and self.n_units == other.n_units


class Direction(StrEnum):
    """Which way is better."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Something to optimise: a metric of the judge (`ndcg@10`) or a cost measured from outside
    (`predict_s`, `memory_bytes`, `state_bytes`, `training_s`).
    """

    name: str
    direction: Direction = Direction.MAXIMIZE

    def worth(self, value: float) -> float:
        """The value, turned so that higher is better."""
        return value if self.direction is Direction.MAXIMIZE else -value


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A cost that a survivor may not exceed."""

    name: str
    limit: float


COSTS = ("predict_s", "memory_bytes", "state_bytes", "training_s")


def value_of(trained: Trained, name: str) -> float:
    """The named metric or cost of a finished training.

    Raises KeyError when the judge did not measure it.
    """
    if name in ("memory_bytes", "training_s"):
        return float(getattr(trained.usage, name))
    if name in COSTS:
        return float(getattr(trained, name) or 0.0)
    if trained.evaluation is None:
        raise KeyError(name)
    return trained.evaluation.metrics[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Role + data + splits + objectives + constraints: what a run is about.

    `data_digest` names the content of the data, `split_digest` which row went to which part. `sizes` are counts by
    what is counted ("users", "items", "rows"), in the order in which people want to read them. `statistics` are
    figures of the training part by names of the role's own, never by one of the data set's; rounded.
    """

    role: str
    data_name: str
    data_digest: str
    split_rule: str
    split_digest: str
    sizes: Mapping[str, int]
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = field(default=())
    statistics: Mapping[str, float] = field(default_factory=dict)

    @property
    def primary(self) -> Objective:
        return self.objectives[0]
