"""States of made-up runs, for the tests of selection."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autorec.domain.candidate import Operator
from autorec.domain.evaluation import Constraint, Evaluation, Objective, Task, Trained
from autorec.domain.job import OutcomeKind, Part, Stage, Usage
from autorec.domain.state import Generation, Record, State

NDCG = Objective(name="ndcg@10")


def record(
    name: str,
    ndcg: float | None,
    *,
    predict_s: float = 1.0,
    fingerprint: tuple[int, ...] = (),
    design: Mapping[str, Any] | None = None,
    operator: Operator = Operator.POLICY,
    parents: tuple[str, ...] = (),
    state_bytes: int | None = None,
    training_s: float = 0.0,
) -> Record:
    """A decided candidate; `ndcg` None is one that crashed."""
    evaluation = None
    if ndcg is not None:
        evaluation = Evaluation(part=Part.SELECT, metrics={"ndcg@10": ndcg}, n_units=10, fingerprint=fingerprint)
    trained = Trained(
        candidate=name,
        stage=Stage.SEARCH,
        seed=0,
        outcome=OutcomeKind.CRASHED if ndcg is None else OutcomeKind.COMPLETED,
        reason="",
        tier="none",
        usage=Usage(training_s=training_s),
        evaluation=evaluation,
        predict_s=predict_s,
        state_bytes=state_bytes,
    )
    return Record(
        id=name, number=0, operator=operator, proposer="policy", parents=parents, design=design, search=trained
    )


def state(
    decided: Iterable[Record],
    *,
    survivors: Sequence[Record] = (),
    objectives: tuple[Objective, ...] = (NDCG,),
    constraints: tuple[Constraint, ...] = (),
) -> State:
    """A run that has closed one generation, of `survivors`, and decided some candidates since."""
    task = Task(
        role="retrieval",
        data_name="made up",
        data_digest="0",
        split_rule="none",
        split_digest="0",
        sizes={"users": 10, "items": 10, "interactions": 10},
        objectives=objectives,
        constraints=constraints,
    )
    records = (*survivors, *decided)
    closed = Generation(number=0, survivors=tuple(r.id for r in survivors), reasons={}, decided=len(survivors))
    return State(
        seq=1,
        task=task,
        seed=0,
        records={r.id: r for r in records},
        decided=tuple(r.id for r in records if not r.is_baseline),
        generations=(closed,) if survivors else (),
    )
