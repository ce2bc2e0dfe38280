"""What happened: the only truth of a run. Each kind is a frozen value; `fold.py` turns them into a `State`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autorec.domain.candidate import Plan
from autorec.domain.commands import Command
from autorec.domain.control import Control
from autorec.domain.evaluation import Task, Trained
from autorec.domain.job import Stage
from autorec.domain.lesson import Lesson, Note


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The first event: what is searched, the resolved configuration, and where (`environment`: name -> version).

    `approve`: a person is asked before a candidate that no person wrote is run.
    `lessons` are those of earlier runs.
    """

    task: Task
    seed: int
    version: str
    config: Mapping[str, Any]
    hypotheses: tuple[str, ...] = ()
    approve: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    lessons: tuple[Lesson, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Controls were looked at: of split and judge before anything is trained, of the champion before the end."""

    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A command from outside was taken out of the inbox, where it has this number."""

    number: int
    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A proposer was asked; `seen` is the last sequence number that its plan could know."""

    number: int
    plan: Plan
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What the calls of one answer to one `model` cost ("" for a sum); `unpriced` counts those of unknown price."""

    model: str = ""
    usd: float = 0.0
    tokens: int = 0
    calls: int = 0
    unpriced: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """An answer became a candidate (or a baseline was entered: `ask` is None and `name` is set)."""

    candidate: str
    plan: Plan
    ask: int | None = None
    name: str | None = None
    hypothesis: str | None = None
    predicted_effect: str | None = None
    exchanges: tuple[str, ...] = ()
    bills: tuple[Bill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An answer gave no candidate: unusable, or known already. `lasting`: the writer is not asked again for now.

    `unanswered` is the call of a language model that brought no answer, where that is the reason.
    """

    ask: int
    reason: str
    lasting: bool = False
    duplicate_of: str | None = None
    exchanges: tuple[str, ...] = ()
    unanswered: str | None = None
    bills: tuple[Bill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflected:
    """An answer gave lessons, as it was asked to, and no candidate."""

    ask: int
    notes: tuple[Note, ...]
    exchanges: tuple[str, ...] = ()
    bills: tuple[Bill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedAgain:
    """The run goes on in a new process, and so a writer (proposer or model) with a lasting fault is asked once more."""

    writer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A training began."""

    candidate: str
    stage: Stage
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A training ended, whichever way."""

    trained: Trained


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationClosed:
    """`population` candidates were decided; who survives, best first, and why each one stays or goes."""

    number: int
    decided: int
    survivors: tuple[str, ...]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEnded:
    """The loop is over; the finals follow."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalistsChosen:
    """Who is trained again on fresh seeds and judged on *confirm*."""

    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChampionChosen:
    """The best finalist by *confirm*, or None when nothing valid was found."""

    candidate: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TestOpened:
    """The sealed test of this data set was opened, for the `count`-th time by anyone who shares the ledger."""

    __test__ = False
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The champion against the best baseline on the sealed test: effect and paired interval.

    `n_units` is how many units (users, or rows) the interval draws from. `missing` are those that are not compared
    alike: name -> why, in words; while one is missing, nothing is verified. `too_good` is the control that the
    champion's answers fail: what they are worth against labels drawn at random.
    """

    against: str
    effect: float
    low: float
    high: float
    comparisons: int
    n_units: int
    verified: bool
    missing: Mapping[str, str] = field(default_factory=dict)
    too_good: Control | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The last event."""

    reason: str
    evidence: Evidence | None = None


Event = (
    RunStarted
    | Checked
    | Told
    | Asked
    | Admitted
    | Rejected
    | Reflected
    | TriedAgain
    | Started
    | Finished
    | GenerationClosed
    | SearchEnded
    | FinalistsChosen
    | ChampionChosen
    | TestOpened
    | RunEnded
)
