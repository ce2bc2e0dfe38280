"""The champion against each baseline on the sealed test, from what the judge stored for each user."""

from dataclasses import dataclass

from autorec.domain.evaluation import Trained
from autorec.domain.job import Stage
from autorec.domain.resolution import corrected_level
from autorec.domain.state import Record, State
from autorec.ports import Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Effect champion - baseline on the primary metric, and its paired interval at `level`."""

    baseline: Record
    effect: float
    low: float
    high: float
    level: float


def against_baselines(state: State, objects: Objects) -> tuple[Comparison, ...]:
    """One comparison for each baseline that was judged on the test, the best baseline first.

    The level is the one of the stored evidence, and so is the seed: against the best baseline this is that evidence.
    That the champion beats *every* baseline needs no further correction (an intersection-union test, Berger 1982).
    """
    from autorec.judging.evidence import compare

    ours = _final(state.records.get(state.champion or ""))
    if ours is None:
        return ()
    comparisons = max(1, len(state.finalists))
    found = []
    for record in state.best_first(state.baselines, Stage.FINAL):
        theirs = _final(record)
        if theirs is None or not ours.pairs_with(theirs):
            continue
        values = objects.get(ours.per_unit or ""), objects.get(theirs.per_unit or "")
        effect, low, high = compare(*values, comparisons, state.seed)
        level = corrected_level(comparisons)
        found.append(Comparison(baseline=record, effect=effect, low=low, high=high, level=level))
    return tuple(found)


def _final(record: Record | None) -> Trained | None:
    trained = record.final(Stage.FINAL) if record else None
    return trained if trained and trained.ok else None
