"""Who survives a generation: Optuna's NSGA-II over a study that is rebuilt from the state each time.

One trial a candidate. Costs enter as powers of two, so that noise in a measured time does not fill the front. Optuna
keeps its elite selection private (its sampler alone uses it); the tests hold it to what is said here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2

import optuna
from optuna.samplers import BaseSampler
from optuna.samplers.nsgaii._elite_population_selection_strategy import (
    NSGAIIElitePopulationSelectionStrategy,
    _rank_population,
)
from optuna.trial import FrozenTrial

from autorec.domain.candidate import SHORT_ID
from autorec.domain.evaluation import COSTS, Constraint, Objective, Trained, value_of
from autorec.domain.likeness import NEAR_IDENTICAL, is_lighter, print_of, similarity
from autorec.domain.state import Record, State

MAX_NEAR_IDENTICAL = 2
_SMALLEST_COST = 2.0**-20


@dataclass(frozen=True, slots=True, kw_only=True)
class NsgaSelector:
    """Keeps `size` survivors; implements `ports.Selector`.

    It looks at the survivors of the last generation and at what was decided since. Failures and candidates over a
    constraint's limit never survive; of the rest, NSGA-II's elite selection (Deb et al. 2002) keeps the best: by rank,
    then, in the rank that does not fit whole, by crowding distance. With one objective that is the best by value.
    Of those that predict the same, what is worse than another survives beside it only where it is simpler, smaller or
    quicker, and a third never does. Survivors come by rank, then by the first objective, and what is older goes first
    where all is equal.
    """

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    size: int

    def select(self, state: State) -> tuple[dict[str, str], tuple[Record, ...]]:
        """Reasons for each record looked at (id -> why it stays or goes), and the survivors, best first."""
        looked_at = _looked_at(state)
        reasons = {record.id: self._unfit(record) for record in looked_at}
        pool = [record for record in looked_at if not reasons[record.id]]
        ranking = self._elite(pool)
        while repeats := _repeating(ranking.elite):
            record, why = repeats
            pool.remove(record)
            reasons[record.id] = f"dropped: {why}"
            ranking = self._elite(pool)
        for record in pool:
            reasons[record.id] = self._verdict(record, ranking)
        return reasons, ranking.elite

    def _unfit(self, record: Record) -> str:
        """Why a record cannot survive whatever the others are; empty when it can."""
        trained = record.search
        if trained is None or trained.evaluation is None:
            return f"failed: {trained.outcome.value}" if trained else "failed: not trained"
        for limit in self.constraints:
            if (value := value_of(trained, limit.name)) > limit.limit:
                return f"dropped: {limit.name} {value:.4g} over the limit {limit.limit:.4g}"
        return ""

    def _elite(self, pool: Sequence[Record]) -> "_Ranking":
        study = new_study(self.objectives)
        for record in pool:
            trial = study.ask()
            trial.set_user_attr("candidate", record.id)
            study.tell(trial, values_of(_search_of(record), self.objectives))
        newest_first = study.get_trials(deepcopy=False)[::-1]
        fronts = _rank_population(list(newest_first), study.directions)
        ranks = {trial.number: rank for rank, front in enumerate(fronts, 1) for trial in front}
        chosen = self._chosen(study, newest_first)
        chosen.sort(key=lambda trial: (ranks[trial.number], *self._signed(pool[trial.number])[:1], trial.number))
        return _Ranking(
            elite=tuple(pool[trial.number] for trial in chosen[: self.size]),
            ranks={pool[number].id: rank for number, rank in ranks.items()},
        )

    def _chosen(self, study: optuna.Study, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        """The elite of the trials; Optuna's strategy wants a population of at least two."""
        return NSGAIIElitePopulationSelectionStrategy(population_size=max(2, self.size))(study, trials)

    def _verdict(self, record: Record, ranking: "_Ranking") -> str:
        rank = f"rank {ranking.ranks[record.id]}, {self._figures(record)}"
        if record in ranking.elite:
            return f"kept: {rank}"
        mine = self._signed(record)
        for other in ranking.elite:
            if _dominates(self._signed(other), mine):
                return f"dropped: dominated by {other.id[:SHORT_ID]}; {rank}"
        return f"dropped: no room among {self.size}; {rank}"

    def _figures(self, record: Record) -> str:
        trained = _search_of(record)
        return ", ".join(f"{each.name} {value_of(trained, each.name):.4g}" for each in self.objectives)

    def _signed(self, record: Record) -> tuple[float, ...]:
        """The values of the objectives, lower is better."""
        values = values_of(_search_of(record), self.objectives)
        return tuple(-each.worth(value) for value, each in zip(values, self.objectives, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranking:
    """The elite, best first, and the rank of each record of the pool, from 1."""

    elite: tuple[Record, ...]
    ranks: Mapping[str, int]


def new_study(objectives: Iterable[Objective], sampler: BaseSampler | None = None) -> optuna.Study:
    """An empty study in memory, without Optuna's notes on standard error."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(directions=[each.direction.value for each in objectives], sampler=sampler)


def values_of(trained: Trained, objectives: Iterable[Objective]) -> list[float]:
    """What Optuna is told of a finished training: metrics as they are, costs as the nearest power of two's exponent."""
    return [_told(each.name, value_of(trained, each.name)) for each in objectives]


def _told(name: str, value: float) -> float:
    return float(round(log2(max(value, _SMALLEST_COST)))) if name in COSTS else value


def _looked_at(state: State) -> tuple[Record, ...]:
    """Survivors of the last generation, then what was decided since; baselines compete with no one."""
    since = (state.records[candidate] for candidate in state.decided_since)
    unique = {record.id: record for record in (*state.survivors, *since) if not record.is_baseline}
    return tuple(unique.values())


def _repeating(elite: Sequence[Record]) -> tuple[Record, str] | None:
    """The first record that repeats a better one's answers and is no lighter for it, or repeats too many; and why."""
    for place, record in enumerate(elite):
        alike = [better for better in elite[:place] if _predict_the_same(record, better)]
        if len(alike) >= MAX_NEAR_IDENTICAL:
            return record, f"third with near-identical predictions to {alike[0].id[:SHORT_ID]}"
        for better in alike:
            if not is_lighter(record, than=better):
                return record, f"predicts as {better.id[:SHORT_ID]} does, and is neither simpler, smaller nor quicker"
    return None


def _predict_the_same(a: Record, b: Record) -> bool:
    return similarity(print_of(a), print_of(b)) >= NEAR_IDENTICAL


def _dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


def _search_of(record: Record) -> Trained:
    if record.search is None:
        raise ValueError(f"{record.id} was not trained in the search")
    return record.search
