"""The judge of probabilities for rows: bytes that a candidate wrote in, an evaluation out."""

from collections.abc import Callable
from io import BytesIO
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autorec.domain.errors import DataError, UsageError
from autorec.domain.evaluation import Evaluation, Judged
from autorec.domain.job import Part
from autorec.judging import pair_metrics as metrics
from autorec.judging.fingerprint import fingerprint
from autorec.judging.reading import read_probabilities

TOP_SHARE = 10
"""The fingerprint is of the highest tenth of the rows."""


class RowTruth(Protocol):
    """What whoever holds the data must say of a part.

    `labels` bool [n] and `users` int [n] (None where the data names none, negative for a row that names none) in the
    data set's order of rows; `asked` int [n]: the candidate's i-th answer is for row asked[i].
    """

    @property
    def labels(self) -> NDArray[np.bool_]: ...

    @property
    def users(self) -> NDArray[np.integer[Any]] | None: ...

    @property
    def asked(self) -> NDArray[np.integer[Any]]: ...


class PairJudge:
    """Judges probabilities of rows; implements `ports.Judge`. Safe to call from several threads.

    Metrics, defined in `pair_metrics.py`: `auc`, `logloss`, `ece`, `calibration`, and where users are known `gauc` and
    `ndcg@k` within each user's rows, over users with both labels. The unit that evidence rests on is the user, or the
    row where it names no user; for `gauc` and `ndcg@k` a user with both labels.

    Raises UsageError when `primary` is not among those that units contribute to.
    """

    def __init__(
        self,
        *,
        truth: Callable[[Part], RowTruth],
        has_users: bool,
        cutoffs: tuple[int, ...],
        primary: str = "auc",
    ) -> None:
        self._truth = truth
        self._cutoffs = cutoffs if has_users else ()
        self._sheets: dict[Part, _Sheet] = {}
        self._lock = Lock()
        known = ["auc", "logloss", *(["gauc"] if has_users else []), *(f"ndcg@{k}" for k in self._cutoffs)]
        if primary not in known:
            raise UsageError(
                f"the primary metric is {primary!r}; with this data it can be {', '.join(known)}",
                fix="choose one of these" + ("" if has_users else ", or name the column of users: --columns user=..."),
            )
        self._primary = primary

    def judge(self, predictions: bytes, part: Part) -> Judged:
        """Check and score one file of probabilities as a candidate wrote it.

        The result's `predictions` are float32 .npy [n] in the data set's order of rows; `per_unit` are the
        contributions to the primary metric, float32 .npy [n_units], whose mean is the metric.

        Raises MalformedPredictions for a file that breaks the contract.
        """
        sheet = self._sheet(part)
        answered = read_probabilities(predictions, len(sheet.labels))
        scores = np.empty(len(answered), dtype=np.float32)
        scores[sheet.asked] = answered
        contributions = sheet.contributions(scores.astype(np.float64), self._cutoffs)
        values = {name: float(each.mean()) for name, each in contributions.items()}
        values["ece"] = metrics.calibration_error(sheet.labels, scores.astype(np.float64))
        values["calibration"] = metrics.calibration(sheet.labels, scores.astype(np.float64))
        per_unit = contributions[self._primary]
        evaluation = Evaluation(part=part, metrics=values, n_units=len(per_unit), fingerprint=_print_of(scores))
        return Judged(evaluation=evaluation, predictions=npy(scores), per_unit=npy(per_unit.astype(np.float32)))

    def _sheet(self, part: Part) -> "_Sheet":
        with self._lock:
            if part not in self._sheets:
                self._sheets[part] = _Sheet(part, self._truth(part))
            return self._sheets[part]


class _Sheet:
    """A part's truth, made ready for judging."""

    def __init__(self, part: Part, truth: RowTruth) -> None:
        self.labels = truth.labels
        self.asked = truth.asked
        self.users: metrics.Codes | None = None
        self.lists: metrics.UserLists | None = None
        if self.labels.all() or not self.labels.any():
            raise DataError(
                f"the part {part.value!r} has {np.count_nonzero(self.labels)} clicks in {len(self.labels)} rows; "
                "expected some rows of each label",
                fix="give more data, or another --split",
            )
        if truth.users is not None:
            self.users = units_of(truth.users)
            lists = metrics.UserLists.of(self.labels, self.users)
            self.lists = lists if len(lists) else None

    def contributions(self, scores: metrics.Values, cutoffs: tuple[int, ...]) -> dict[str, metrics.Values]:
        """By metric, the values by unit whose mean is the metric."""
        found = {
            "auc": metrics.auc_by_row(self.labels, scores),
            "logloss": metrics.logloss_by_row(self.labels, scores),
        }
        if self.users is not None:
            found = {name: metrics.by_user(values, self.users) for name, values in found.items()}
        if self.lists is not None:
            found["gauc"] = metrics.gauc_by_user(self.lists, self.labels, scores)
            for k in cutoffs:
                found[f"ndcg@{k}"] = metrics.ndcg_by_user(self.lists, self.labels, scores, k)
        return found


def units_of(users: NDArray[np.integer[Any]]) -> metrics.Codes:
    """Codes of the units, int64 [n], from 0 without gaps: the users, and each row without one by itself."""
    units = users.astype(np.int64)
    nameless = units < 0
    units[nameless] = units.max() + 1 + np.arange(np.count_nonzero(nameless))
    return np.unique(units, return_inverse=True)[1].astype(np.int64)


def _print_of(scores: NDArray[np.float32]) -> tuple[int, ...]:
    """A signature of the rows on top; the same rows on top, the same signature."""
    top = np.argsort(-scores, kind="stable")[: max(1, len(scores) // TOP_SHARE)]
    return fingerprint(np.sort(top).astype(np.int32)[np.newaxis], len(scores))


def npy(array: NDArray[Any]) -> bytes:
    """The array as the bytes of a .npy file."""
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
