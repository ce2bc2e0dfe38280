"""Choosers for a policy that walks a conditional search space: at random, or by Optuna's TPE.

A chooser answers `choose(name, kind, low=, high=, log=, choices=)` for one parameter after the other.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from autorec.domain.evaluation import Constraint, Objective, Trained, value_of
from autorec.domain.state import Record, State
from autorec.selection.study import new_study, values_of

Kind = Literal["float", "int", "categorical"]
Value = float | int | str | bool

MOST_KEPT = 160
"""TPE costs time for each candidate it looks at. When a parameter's history has grown to this, half of it stays: the
best quarter and the newest quarter. So a choice takes about as long after 1,000 candidates as after 100."""
_SMALLEST_LIMIT = 1e-9


class RandomChooser:
    """Draws uniformly, or uniformly in the logarithm."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(
        self,
        name: str,
        kind: Kind,
        *,
        low: float | None = None,
        high: float | None = None,
        log: bool = False,
        choices: Sequence[Value] = (),
    ) -> Value:
        """A number in [low, high], or one of `choices`."""
        if kind == "categorical":
            return self._random.choice(choices)
        low, high = _bounds(name, low, high)
        half = 0.5 if kind == "int" else 0.0
        if log:
            drawn = math.exp(self._random.uniform(math.log(low - half), math.log(high + half)))
        else:
            drawn = self._random.uniform(low - half, high + half)
        return int(min(max(round(drawn), low), high)) if kind == "int" else min(max(drawn, low), high)


def random_chooser(seed: int) -> RandomChooser:
    """A chooser that looks at no history."""
    return RandomChooser(seed)


class TpeChoosers:
    """Makes TPE choosers for the states of one run; keeps its studies from call to call and extends them.

    What a chooser suggests depends on state and seed alone: a fresh TpeChoosers gives the same.

    Each parameter has a study of its own, with one trial for each decided candidate whose design has that parameter,
    as the tree-structured Parzen estimator (Bergstra et al. 2011) takes each node's density from the trials in which
    it is active. A value outside the parameter's present range or choices is passed over. A failure is told as pruned:
    it has no value, but its surroundings count among the bad ones. (Told as failed, Optuna would leave it out, and
    come back to a region all the more for having no bad trial in it.)
    """

    def __init__(self) -> None:
        self._decided: tuple[str, ...] = ()
        self._tried: list[Record] = []
        self._histories: dict[tuple[str, str], _History] = {}

    def __call__(self, state: State, seed: int) -> "TpeChooser":
        """The chooser of the next design."""
        if state.decided[: len(self._decided)] != self._decided:
            self._tried, self._histories, self._decided = [], {}, ()
        new = (state.records[candidate] for candidate in state.decided[len(self._decided) :])
        self._tried += [record for record in new if record.design]
        self._decided = state.decided
        return TpeChooser(self, state, seed)

    def history(self, state: State, name: str, distribution: BaseDistribution) -> "_History":
        """The study of one parameter, up to date."""
        key = (name, repr(distribution))
        if key not in self._histories:
            task = state.task
            self._histories[key] = _History(name, distribution, task.objectives, task.constraints)
        history = self._histories[key]
        history.extend(self._tried[history.taken :])
        return history


class TpeChooser:
    """Chooses the parameters of one design, by what became of the designs before."""

    def __init__(self, choosers: TpeChoosers, state: State, seed: int) -> None:
        self._choosers = choosers
        self._state = state
        self._sampler = TPESampler(seed=seed, multivariate=False, constant_liar=False)

    def choose(
        self,
        name: str,
        kind: Kind,
        *,
        low: float | None = None,
        high: float | None = None,
        log: bool = False,
        choices: Sequence[Value] = (),
    ) -> Value:
        """A number in [low, high], or one of `choices`."""
        distribution = _distribution(name, kind, low, high, log, choices)
        history = self._choosers.history(self._state, name, distribution)
        return history.suggest(self._sampler)


@dataclass(slots=True)
class _History:
    """What became of the values of one parameter, as a study; `taken` counts the records looked at."""

    name: str
    distribution: BaseDistribution
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    taken: int = 0
    kept: list[Record] = field(default_factory=list)
    study: optuna.Study | None = None

    def extend(self, records: Sequence[Record]) -> None:
        """Take in further records; those that hold no value of the present distribution are passed over."""
        self.taken += len(records)
        for record in records:
            if not _contains(self.distribution, (record.design or {}).get(self.name)):
                continue
            self.kept.append(record)
            if len(self.kept) >= MOST_KEPT:
                self.kept, self.study = self._thinned(), None
            elif self.study is not None:
                self.study.add_trial(self._trial(record))

    def suggest(self, sampler: TPESampler) -> Value:
        """Ask for a trial and give it up: the candidate that it becomes comes back through the state."""
        if self.study is None:
            self.study = new_study(self.objectives)
            self.study.add_trials([self._trial(record) for record in self.kept])
        self.study.sampler = sampler
        trial = self.study.ask(fixed_distributions={self.name: self.distribution})
        self.study.tell(trial, state=TrialState.FAIL)
        value: Value = trial.params[self.name]
        return value

    def _trial(self, record: Record) -> optuna.trial.FrozenTrial:
        trained = record.search
        params = {self.name: (record.design or {})[self.name]}
        distributions = {self.name: self.distribution}
        if trained is None or trained.evaluation is None:
            return optuna.create_trial(state=TrialState.PRUNED, params=params, distributions=distributions)
        return optuna.create_trial(
            values=values_of(trained, self.objectives),
            params=params,
            distributions=distributions,
            constraints={limit.name: _excess(trained, limit) for limit in self.constraints},
        )

    def _thinned(self) -> list[Record]:
        """The best quarter by the first objective and the newest quarter, in the order in which they were decided."""
        newest = self.kept[-(MOST_KEPT // 4) :]
        older = self.kept[: -len(newest)]
        best = sorted(range(len(older)), key=lambda place: self._badness(older[place]))[: MOST_KEPT // 4]
        return [older[place] for place in sorted(best)] + newest

    def _badness(self, record: Record) -> float:
        first = self.objectives[0]
        if record.search is None or record.search.evaluation is None:
            return math.inf
        return -first.worth(value_of(record.search, first.name))


def _excess(trained: Trained, constraint: Constraint) -> float:
    """By what share of the limit a cost lies over it; 0 or less is allowed."""
    return (value_of(trained, constraint.name) - constraint.limit) / max(constraint.limit, _SMALLEST_LIMIT)


def _distribution(
    name: str, kind: Kind, low: float | None, high: float | None, log: bool, choices: Sequence[Value]
) -> BaseDistribution:
    if kind == "categorical":
        return CategoricalDistribution(choices)
    low, high = _bounds(name, low, high)
    if kind == "int":
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(low, high, log=log)


def _bounds(name: str, low: float | None, high: float | None) -> tuple[float, float]:
    if low is None or high is None or not low <= high:
        raise ValueError(f"{name} has the bounds {low} and {high}; expected two numbers in ascending order")
    return low, high


def _contains(distribution: BaseDistribution, value: object) -> bool:
    """Whether a design's value can stand in this distribution; True is no 1 here."""
    if isinstance(distribution, CategoricalDistribution):
        return any(type(value) is type(choice) and value == choice for choice in distribution.choices)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(distribution, IntDistribution):
        return isinstance(value, int) and distribution.low <= value <= distribution.high
    return isinstance(distribution, FloatDistribution) and distribution.low <= value <= distribution.high
