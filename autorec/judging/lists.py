"""The judge of top-k lists: bytes that a candidate wrote in, an evaluation out."""

from collections.abc import Callable, Mapping
from io import BytesIO
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autorec.domain.errors import DataError, UsageError
from autorec.domain.evaluation import Evaluation, Judged
from autorec.domain.job import Part
from autorec.judging import metrics
from autorec.judging.fingerprint import fingerprint, sample_rows
from autorec.judging.ground import Ground, Marker, Truth
from autorec.judging.reading import PAD, read_topk
from autorec.ports import ListMetric

__all__ = ["PER_USER", "Ground", "ListJudge"]

PER_USER: Mapping[str, Callable[[metrics.Hits, metrics.Counts, int], metrics.PerUser]] = {
    "ndcg": metrics.ndcg_at,
    "recall": metrics.recall_at,
    "precision": metrics.precision_at,
    "hitrate": metrics.hitrate_at,
    "mrr": metrics.mrr_at,
    "map": metrics.map_at,
}
CUTOFFS = (5, 10, 20)
_SHOWN = 10
"""Diagnosis and fingerprint look at the top 10, or at all places where the lists are shorter."""


class ListJudge:
    """Judges top-k lists by full-catalogue ranking; implements `ports.Judge`. Safe to call from several threads.

    `truth` gives the labels of a part when they are first needed. `user_permutation` and `item_permutation` take
    the data set's codes to the ids that candidates see; a candidate's rows are in ascending order of its user ids.

    Metrics are means over the warm users of the part, keyed `ndcg@10`: see `metrics.py` for definitions. A list that
    is narrower than a cutoff counts as ending in empty places. Cutoffs beyond the widest list that a candidate may
    hand in, min(top_k, n_items), are left out; a primary metric among them is refused.

    Beside them stand `seen@10`, the share of places wasted on items that the user already had (which never count as
    hits; measured on at most 2,000 users), and where there are any, `cold_users/ndcg@10` (users without history) and
    `cold_items/recall@10` (recall of relevant items that the history does not hold, over warm users who have some).

    `own` are metrics of a person's own by name, each at every cutoff beside those of `PER_USER`.

    Raises UsageError when `primary` is not a metric that is computed for each user at one of the cutoffs.
    """

    def __init__(
        self,
        *,
        truth: Callable[[Part], Truth],
        user_permutation: NDArray[np.integer[Any]],
        item_permutation: NDArray[np.integer[Any]],
        n_items: int,
        cutoffs: tuple[int, ...] = CUTOFFS,
        primary: str = "ndcg@10",
        top_k: int = 100,
        own: Mapping[str, ListMetric] | None = None,
    ) -> None:
        self._own = own or {}
        self._truth = truth
        self._user_permutation = user_permutation
        self._item_codes = _inverse_with_pad(item_permutation)
        self._n_items = n_items
        self._top_k = top_k
        self._cutoffs = tuple(k for k in sorted(cutoffs) if k <= min(top_k, self._n_items))
        self._primary = self._checked_primary(primary)
        self._sheets: dict[Part, _Sheet] = {}
        self._lock = Lock()

    def judge(self, predictions: bytes, part: Part) -> Judged:
        """Check and score one top-k file as a candidate wrote it.

        The result's `predictions` are int32 .npy in the data set's own item codes, a row for each of the ground's
        users in ascending order; `per_unit` is the primary metric of its warm users, float32 .npy [n_units], so that
        its mean is the metric.

        Raises MalformedPredictions for a file that breaks the contract.
        """
        sheet = self._sheet(part)
        raw = read_topk(predictions, len(sheet.ground.users), self._top_k, self._n_items)
        lists = self._item_codes.take(raw[sheet.file_rows], mode="wrap")
        values, per_user = self._score(sheet, _padded(lists, max(self._cutoffs)))
        shown = lists[sheet.sample, :_SHOWN]
        evaluation = Evaluation(
            part=part,
            metrics=values,
            n_units=int(np.count_nonzero(sheet.warm)),
            fingerprint=fingerprint(shown, self._n_items),
        )
        return Judged(evaluation=evaluation, predictions=npy(lists), per_unit=npy(per_user.astype(np.float32)))

    def _score(self, sheet: "_Sheet", lists: metrics.Lists) -> tuple[dict[str, float], metrics.PerUser]:
        """All metrics, and the primary one for each warm user."""
        hits = sheet.relevant.mark(lists)
        warm_hits = _rows(hits, sheet.warm)
        per_user = self._per_user(warm_hits, sheet.n_relevant) | self._of_ones_own(warm_hits, sheet.n_relevant)
        values = {name: float(each.mean()) for name, each in per_user.items()}
        values |= self._exposure(_rows(lists, sheet.warm), sheet.ground.item_counts)
        return values | _diagnosis(sheet, hits, lists), per_user[self._primary]

    def _per_user(self, hits: metrics.Hits, n_relevant: metrics.Counts) -> dict[str, metrics.PerUser]:
        """The metrics of each user; worked out only for those with a hit, as all are 0 without one."""
        some = np.unique(np.flatnonzero(hits) // hits.shape[1])
        hits, n_some, per_user = hits[some], n_relevant[some], {}
        for k in self._cutoffs:
            for name, metric in PER_USER.items():
                per_user[f"{name}@{k}"] = values = np.zeros(len(n_relevant))
                values[some] = metric(hits, n_some, k)
        return per_user

    def _of_ones_own(self, hits: metrics.Hits, n_relevant: metrics.Counts) -> dict[str, metrics.PerUser]:
        """A person's metrics of each user, hit or none: nothing says what they give without one."""
        return {
            f"{name}@{k}": own_values(name, metric, hits, n_relevant, k)
            for k in self._cutoffs
            for name, metric in self._own.items()
        }

    def _exposure(self, lists: metrics.Lists, item_counts: metrics.Counts) -> dict[str, float]:
        """What the lists show of the catalogue, counted up from one cutoff to the next."""
        values, exposure, counted = {}, np.zeros(self._n_items, dtype=np.int64), 0
        for k in self._cutoffs:
            exposure += metrics.exposure_of(lists[:, counted:k], self._n_items)
            counted = k
            values[f"coverage@{k}"] = metrics.coverage(exposure)
            values[f"gini@{k}"] = metrics.gini(exposure)
            values[f"novelty@{k}"] = metrics.novelty(exposure, item_counts)
        return values

    def _sheet(self, part: Part) -> "_Sheet":
        with self._lock:
            if part not in self._sheets:
                self._sheets[part] = _Sheet(part, Ground.of(self._truth(part)), self._user_permutation)
            return self._sheets[part]

    def _checked_primary(self, primary: str) -> str:
        known = [f"{name}@{k}" for k in self._cutoffs for name in (*PER_USER, *self._own)]
        if primary not in known:
            raise UsageError(
                f"the primary metric is {primary!r}; with {self._n_items} items and lists of {self._top_k} "
                f"it can be {', '.join(known) or 'none'}",
                fix="choose one of these, or add its cutoff to the cutoffs (no larger than the catalogue)",
            )
        return primary


def own_values(
    name: str, metric: ListMetric, hits: metrics.Hits, n_relevant: metrics.Counts, k: int
) -> metrics.PerUser:
    """What a person's metric gives, float64 [q]. Raises UsageError when that is not one finite value a user."""
    seen = hits.view()
    seen.flags.writeable = False
    values = np.asarray(metric(seen, n_relevant, k))
    if values.shape != n_relevant.shape or values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        raise UsageError(
            f"metrics: {name} gave {values.dtype} of the shape {values.shape} for hits of {hits.shape}; "
            f"expected finite numbers of the shape {n_relevant.shape}, one a user",
            fix="return a float array with one value for each row of hits; see autorec/judging/metrics.py",
        )
    return values.astype(np.float64)


def try_metric(name: str, metric: ListMetric) -> None:
    """Call a person's metric once on three small lists. Raises UsageError when what it gives cannot be used."""
    hits = np.array([[True, False, True], [False, False, True], [False, False, False]])
    own_values(name, metric, hits, np.array([2, 1, 4]), 2)


class _Sheet:
    """A part's ground truth, made ready for judging."""

    def __init__(self, part: Part, ground: Ground, user_permutation: NDArray[np.integer[Any]]) -> None:
        self.ground = ground
        self.relevant = Marker(ground.indptr, ground.items, ground.n_items)
        has_relevant = ground.n_relevant > 0
        self.warm = ground.warm & has_relevant
        self.cold = ~ground.warm & has_relevant
        self.file_rows = np.argsort(np.argsort(user_permutation[ground.users]))
        self.n_relevant = ground.n_relevant[self.warm]
        self.n_cold_relevant = ground.n_cold_relevant
        warm_rows = np.flatnonzero(self.warm)
        if not len(warm_rows):
            raise DataError(
                f"the part {part.value!r} has no user with both a history and something to find",
                fix="use another split (`autorec data describe` prints the warm users of each)",
            )
        self.sample = warm_rows[sample_rows(len(warm_rows))]
        self.seen = Marker(*ground.history_of(self.sample), ground.n_items)


def _diagnosis(sheet: _Sheet, hits: metrics.Hits, lists: metrics.Lists) -> dict[str, float]:
    """What is reported apart from the headline metrics."""
    k = min(_SHOWN, lists.shape[1])
    ground, values = sheet.ground, {f"seen@{k}": float(sheet.seen.mark(lists[sheet.sample, :k]).mean())}
    if sheet.cold.any():
        ndcg = metrics.ndcg_at(hits[sheet.cold], ground.n_relevant[sheet.cold], k)
        values[f"cold_users/ndcg@{k}"] = float(ndcg.mean())
    n_cold = sheet.n_cold_relevant
    some = sheet.warm & (n_cold > 0)
    if some.any():
        cold_hits = hits[some] & (ground.item_counts[lists[some]] == 0)
        values[f"cold_items/recall@{k}"] = float(metrics.recall_at(cold_hits, n_cold[some], k).mean())
    return values


def _inverse_with_pad(permutation: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """From permuted ids back to codes, with -1 in a last place where index -1 finds it."""
    codes = np.full(len(permutation) + 1, PAD, dtype=np.int32)
    codes[permutation] = np.arange(len(permutation), dtype=np.int32)
    return codes


def _padded(lists: metrics.Lists, width: int) -> metrics.Lists:
    """The lists with empty places at the end, so that they are at least `width` wide, cut to `width`."""
    missing = width - lists.shape[1]
    return np.pad(lists, ((0, 0), (0, missing)), constant_values=PAD) if missing > 0 else lists[:, :width]


def _rows(table: NDArray[Any], rows: NDArray[np.bool_]) -> NDArray[Any]:
    return table if rows.all() else table[rows]


def npy(array: NDArray[Any]) -> bytes:
    """The array as the bytes of a .npy file."""
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
