"""Where a candidate is good and where not, how it was trained, and whom it resembles: what one score does not tell.

All of it is of *select*, and all figures are rounded to the digits that are told: to four decimals what is in the unit
of a metric, to two what is a share, to tenths of the time allowed what was measured by a clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

METRIC_DECIMALS = 4
SHARE_DECIMALS = 2
RANK_DECIMALS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The mean of `measure` over the `n` users, wanted items or rows of one part of a `group`.

    The segments of a group are a partition: their mean, weighted by `n`, is that of the whole. `span` says in words
    what is in the segment.
    """

    group: str
    name: str
    span: str
    n: int
    measure: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is given and what was wanted in one part of a `group`, as shares.

    For lists: the share of the places that went to items of this popularity, and the share of the wanted items that
    are such. For probabilities: the mean probability of such rows, and the share of them that were clicked.
    """

    group: str
    name: str
    given: float
    wanted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """By how much a segment is better than with another candidate (positive: better), in the segment's measure.

    `clear`: it is more than two standard errors of the paired difference, over at least 20 units.
    """

    group: str
    name: str
    difference: float
    clear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One candidate's answers beside another's: `gained`, `lost` and `unchanged` units add up to all.

    `in_common` is a share of places, or a rank correlation of scores: `of` says which.
    """

    of: str
    in_common: float
    gained: int
    lost: int
    unchanged: int
    gains: tuple[Gain, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A contrast with a known candidate."""

    candidate: str
    contrast: Contrast


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of vectors in a kept state, and its effective rank, from 1 to `columns`; 0 where all is zero.

    The exponential of the entropy of the singular values over their sum (Roy and Vetterli 2007).
    """

    name: str
    rows: int
    columns: int
    effective_rank: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a kept state holds: how many numbers, and its tables of vectors."""

    n_numbers: int
    tables: tuple[Table, ...] = ()


class CurveShape(StrEnum):
    """The ways a training can go; `curve.py` tells which."""

    SHORT = "short"
    FLAT = "flat"
    UNSTABLE = "unstable"
    OVERFIT = "overfit"
    RISING = "rising"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a training went. `best_at` and `used` are shares of the training time allowed, in tenths."""

    shape: CurveShape
    best_at: float
    used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """The known candidate whose answers one repeats; `similarity` is an estimate of the Jaccard similarity of them."""

    candidate: str
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What can be seen of a candidate's answers alone. `coverage` is the share of the catalogue that is shown."""

    segments: tuple[Segment, ...]
    balances: tuple[Balance, ...] = ()
    coverage: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Judged answers as they are stored (see `evaluation.Judged`)."""

    predictions: bytes
    per_unit: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All of that for one training of the search. `agreements` are with its parents, then with the best baselines."""

    examined: Examined
    course: Course
    weights: Weights | None = None
    agreements: tuple[Agreement, ...] = ()
    twin: Twin | None = None

    @property
    def groups(self) -> dict[str, tuple[Segment, ...]]:
        """The segments by group, in order."""
        return {
            group: tuple(s for s in self.examined.segments if s.group == group)
            for group in dict.fromkeys(s.group for s in self.examined.segments)
        }


def clear_gains(contrast: Contrast) -> tuple[Sequence[Gain], Sequence[Gain]]:
    """Where it is clearly better and where clearly worse, the most first."""
    clear = sorted((gain for gain in contrast.gains if gain.clear), key=lambda gain: -gain.difference)
    return [gain for gain in clear if gain.difference > 0], [g for g in reversed(clear) if g.difference < 0]


def tenths(seconds: float, allowed_s: float) -> float:
    """A share of the time allowed, from 0 to 1 in tenths."""
    return min(1.0, round(seconds / allowed_s, 1)) if allowed_s > 0 else 1.0
