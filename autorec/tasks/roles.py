"""What a model does in a recommender. Nothing outside `tasks/` tells one role from another but through these values.

A `Role` is what is known without data: names, metrics, baselines. A `Material` is a data set with its split, as the
role sees it: what is handed to candidates, what the judge compares with, what people read.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from autorec.domain.control import Control
from autorec.domain.errors import UsageError
from autorec.domain.evaluation import COSTS, Direction, Objective, Task
from autorec.domain.job import Part, Stage
from autorec.schemas.config import SearchConfig

if TYPE_CHECKING:
    from autorec.tasks.splits import Split

SELECTING = ("min_rating", "k_core", "user_features", "item_features")
"""What a configuration may say of the rows of a log to keep and the features to join."""


class Rows(Protocol):
    """What was read. `notes` tell people how; `digest` names it as it is used, columns chosen and all.

    `source_digest` names it before columns are chosen, rows filtered or features joined; "": the same as `digest`.
    """

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def source_digest(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]: ...


class Material(Protocol):
    """A data set and its split. `sizes` and `statistics` are for the `Task`."""

    @property
    def data(self) -> Rows: ...

    @property
    def split(self) -> "Split": ...

    @property
    def sizes(self) -> Mapping[str, int]: ...

    @property
    def statistics(self) -> Mapping[str, float]: ...

    @property
    def answer(self) -> Mapping[str, Any]:
        """What is asked of a candidate, as the query's `meta.json` says it: `answer` names the kind."""
        ...

    @property
    def answer_bytes(self) -> int:
        """The most that one file of answers can hold."""
        ...

    def require(self, metric: str) -> None:
        """Raises UsageError when this data cannot give the metric."""
        ...

    def write_training(self, secret: bytes, parts: Collection[Part], folder: Path) -> None:
        """Write the `/data` folder with the rows of `parts`. Raises FileExistsError where the folder exists."""
        ...

    def write_query(self, secret: bytes, part: Part, folder: Path) -> None:
        """Write the `/query` folder of a holdout. Raises FileExistsError where the folder exists."""
        ...

    def key(self, secret: bytes) -> Mapping[str, Any]:
        """What the judge of this kind of answer takes: the truth of each part, and how answers are numbered."""
        ...

    def probes(self) -> tuple[Control, ...]:
        """What the split must never do, looked for in the rows of every holdout."""
        ...

    def describe(self) -> "Described":
        """Sizes, parts, and what to beware of."""
        ...

    def as_csv(self, part: Part, predictions: bytes) -> str:
        """Judged predictions of a part as people read them."""
        ...


@runtime_checkable
class Portable(Protocol):
    """Material of a role whose candidates can be exported; the code that reads it again is in `export/<role>/`."""

    def write_trained(
        self, secret: bytes, folder: Path, *, stage: Stage, predictions: bytes | None
    ) -> Mapping[str, Any]:
        """Write to `folder` what a model of `stage` needs besides its weights; returns what is to be said of it.

        `predictions` are those judged in that stage; None: nothing of what people did may be written.
        """
        ...


class Described(Protocol):
    """What a data set and its split are like, for people and for scripts."""

    @property
    def warnings(self) -> tuple[str, ...]: ...

    def rows(self) -> Iterable[tuple[str, str]]:
        """(name, text) a line, for people; notes among them, warnings not."""
        ...

    def as_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A metric that a role's judge gives. `at_cutoff`: it is named with one, like `ndcg@10`. `primary`: it is known for
    every unit, so that evidence can be had for it. `objective`: more (or less) of it is better.
    """

    direction: Direction = Direction.MAXIMIZE
    at_cutoff: bool = False
    primary: bool = True
    objective: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeaway:
    """What people are told of an exported candidate, in words; Markdown without markup but `code`.

    `ask` is what follows `python -m recommender` to have answers, `ask_bare` the same where no rows of the run came
    along, `answers` what comes; `use` what it is for and what it is not, `holds` what of people is in the folder,
    `unknown` what nobody knows of it.
    """

    ask: str
    ask_bare: str
    answers: str
    use: str
    holds: str
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One role. `baselines` are designs of its search space that a search compares with unless told otherwise; `shown`
    are the columns of the final table; `predictions_file` is what lies beside the champion; `takeaway` is what is said
    of its exports; `protocol` says how a task was judged, in a sentence; `synthesise` writes the synthetic world of a
    seed, and of the sizes named, and says what is in it; `sign` says why configured data is of this role and of no
    other, None where nothing tells.
    """

    name: str
    search_space: str
    baselines: tuple[str, ...]
    columns: tuple[str, ...]
    splits: tuple[str, ...]
    measures: Mapping[str, Measure]
    default_objectives: tuple[str, ...]
    default_cutoffs: tuple[int, ...]
    shown: tuple[str, ...]
    predictions_file: str
    predictions_are: str
    takeaway: Takeaway
    protocol: Callable[[Task], str]
    load: Callable[[SearchConfig], Material] = field(repr=False)
    synthesise: Callable[[Path, int, Mapping[str, int]], str] = field(repr=False)
    sign: Callable[[SearchConfig], str | None] = field(default=lambda config: None, repr=False)

    def objectives(self, names: Iterable[str]) -> tuple[Objective, ...]:
        """Objectives with their direction. Raises UsageError when one is neither a metric of the role nor a cost."""
        return tuple(Objective(name=name, direction=self._direction(name)) for name in names)

    def cutoffs(self, config: SearchConfig) -> tuple[int, ...]:
        """Where metrics are cut, ascending: as configured or the usual places, and where the objectives say."""
        named = {int(name.partition("@")[2]) for name in config.objectives if "@" in name}
        return tuple(sorted({*(config.cutoffs or self.default_cutoffs), *named}))

    def cut_at(self, cutoffs: Iterable[int]) -> tuple[str, ...]:
        """The first metric of this role that has a cutoff, at each of these."""
        return tuple(f"{next(name for name, m in self.measures.items() if m.at_cutoff)}@{k}" for k in cutoffs)

    def check(self, config: SearchConfig) -> None:
        """Raises UsageError when the configuration asks for what this role does not have."""
        if config.split not in self.splits:
            raise UsageError(
                f"split: {config.split!r} is not for {self.name}", fix=f"choose one of {', '.join(self.splits)}"
            )
        for column in config.columns:
            if column not in self.columns:
                raise UsageError(
                    f"columns: {column!r} means nothing to {self.name}",
                    fix=f"expected pairs with one of {', '.join(self.columns)} on the left",
                )
        self.objectives(config.objectives)
        first = config.objectives[0] if config.objectives else self.default_objectives[0]
        if first in COSTS or not self.measures[first.partition("@")[0]].primary:
            raise UsageError(
                f"objectives: the first objective is the primary one and must be a metric of every unit, not {first!r}",
                fix=f"begin with one of {', '.join(name for name, m in self.measures.items() if m.primary)}",
            )

    def _direction(self, name: str) -> Direction:
        if name in COSTS:
            return Direction.MINIMIZE
        metric, at, cutoff = name.partition("@")
        measure = self.measures.get(metric)
        well_cut = cutoff.isdigit() and int(cutoff) > 0 if measure and measure.at_cutoff else not at
        if measure is None or not measure.objective or not well_cut:
            known = [each + ("@10" if m.at_cutoff else "") for each, m in self.measures.items() if m.objective]
            raise UsageError(
                f"objectives: {name!r} is neither a metric of {self.name} nor a cost",
                fix=f"metrics: {', '.join(known)}; costs: {', '.join(COSTS)}",
            )
        return measure.direction
