"""Where probabilities are good and where not: by user, by what training knows, by size. On *select* alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autorec.domain.diagnosis import SHARE_DECIMALS, Answered, Balance, Contrast, Examined
from autorec.domain.evaluation import Objective
from autorec.domain.job import Part
from autorec.judging.pair_metrics import logloss_by_row
from autorec.judging.pairs import units_of
from autorec.judging.segments import Grouping, in_thirds, moved, spans_of

TENTHS = ("lowest", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "highest")
ACTIVITY = ("new users", "few rows", "middle", "many rows")
UNKNOWN = ("none", "one", "several")
SAME = 1e-6
"""Values by unit are kept in single precision."""


class KnownRows(Protocol):
    """What whoever holds the data must say of a part besides `pairs.RowTruth`, in the data set's order of rows.

    `activity` int [n] (None where the data names no users): rows of training of the row's user, 0 where it names none.
    `unknown` int [n]: how many of its categories hold a value that training does not hold twice.
    """

    @property
    def labels(self) -> NDArray[np.bool_]: ...

    @property
    def users(self) -> NDArray[np.integer[Any]] | None: ...

    @property
    def activity(self) -> NDArray[np.int64] | None: ...

    @property
    def unknown(self) -> NDArray[np.int64]: ...


class PairExaminer:
    """Examines judged probabilities; implements `ports.Examiner`. `key` is what the judge was made with; whatever the
    objective is, all is told in log loss.

    Rows are grouped by how many rows of training their user has (none, then thirds), and by how many of their
    categories hold a value that training does not know; the measure is the log loss, lower is better. Tenths of the
    rows by probability say where it promises too much.

    Who gains is a user (or a row that names none) whose rows have less log loss in all. A unit's contribution to the
    area under a curve does not tell: it moves with the rows of all others.
    """

    def __init__(self, key: Mapping[str, Any], objective: Objective) -> None:
        self._key = key

    @cached_property
    def _sheet(self) -> "_Sheet":
        return _Sheet(self._key["truth"](Part.SELECT))

    def examine(self, answers: Answered) -> Examined:
        """See `ports.Examiner`."""
        scores, sheet = _loaded(answers.predictions), self._sheet
        losses = logloss_by_row(sheet.truth.labels, scores)
        return Examined(
            segments=tuple(segment for grouping in sheet.groupings for segment in grouping.segments(losses)),
            balances=tuple(sheet.balances(scores)),
        )

    def compare(self, ours: Answered, theirs: Answered) -> Contrast:
        """See `ports.Examiner`."""
        a, b, sheet = _loaded(ours.predictions), _loaded(theirs.predictions), self._sheet
        differences = logloss_by_row(sheet.truth.labels, a) - logloss_by_row(sheet.truth.labels, b)
        gained, lost, unchanged = moved(-sheet.by_unit(differences), SAME)
        return Contrast(
            of="rank correlation",
            in_common=round(rank_correlation(a, b), SHARE_DECIMALS) + 0.0,
            gained=gained,
            lost=lost,
            unchanged=unchanged,
            gains=tuple(gain for grouping in sheet.groupings for gain in grouping.gains(differences)),
        )


@dataclass(frozen=True, eq=False)
class _Sheet:
    """The rows of *select*, made ready."""

    truth: KnownRows

    @cached_property
    def groupings(self) -> tuple[Grouping, ...]:
        unknown = np.minimum(self.truth.unknown, 2).astype(np.int64)
        spans = spans_of(unknown, self.truth.unknown, len(UNKNOWN), "of its values")
        values = self._of_loss("rows by values that training does not know", UNKNOWN, spans, unknown)
        return (*self._users(), values)

    @cached_property
    def units(self) -> NDArray[np.int64] | None:
        """Whose each row is; None where the data name no users."""
        return None if self.truth.users is None else units_of(self.truth.users)

    def by_unit(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values by row, added up by unit."""
        return values if self.units is None else np.asarray(np.bincount(self.units, weights=values), dtype=np.float64)

    def _users(self) -> tuple[Grouping, ...]:
        activity = self.truth.activity
        if activity is None:
            return ()
        known, codes = activity > 0, np.zeros(len(activity), dtype=np.int64)
        codes[known] = 1 + in_thirds(activity[known])
        spans = spans_of(codes, activity, len(ACTIVITY), "rows of training")
        return (self._of_loss("rows by activity of their user", ACTIVITY, spans, codes),)

    def _of_loss(
        self, group: str, names: tuple[str, ...], spans: tuple[str, ...], codes: NDArray[np.int64]
    ) -> Grouping:
        measure = "log loss (lower is better)"
        return Grouping(group=group, names=names, spans=spans, codes=codes, measure=measure, sign=-1, owners=self.units)

    def balances(self, scores: NDArray[np.float64]) -> list[Balance]:
        """Mean probability and share of clicks of each tenth of the rows, the lowest first; none for few rows.

        Rows of equal probability share their clicks, as nothing says which of them stand in which tenth.
        """
        if len(scores) < 10 * len(TENTHS):
            return []
        _, same, counts = np.unique(scores, return_inverse=True, return_counts=True)
        clicks = (np.bincount(same, weights=self.truth.labels) / counts)[same]
        tenths = np.array_split(np.argsort(scores, kind="stable"), len(TENTHS))
        return [
            Balance(
                group="mean probability against share of clicks, by tenth of the rows",
                name=name,
                given=round(float(scores[rows].mean()), SHARE_DECIMALS),
                wanted=round(float(clicks[rows].mean()), SHARE_DECIMALS),
            )
            for name, rows in zip(TENTHS, tenths, strict=True)
        ]


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's: the correlation of ranks, ties sharing their mean rank; 0 where one side is constant."""
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else 0.0


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


def _loaded(content: bytes) -> NDArray[np.float64]:
    return np.asarray(np.load(BytesIO(content), allow_pickle=False), dtype=np.float64)
