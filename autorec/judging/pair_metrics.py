"""Metrics of probabilities for rows with a label of 0 or 1, and what each row or user contributes to them.

`labels` bool [n], `scores` float64 [n] in [0, 1], `users` int64 [n], codes from 0 without gaps.

A metric that is no plain mean still has contributions: values by unit whose mean *is* the metric, and whose spread over
units is that of the metric to first order (its influence function). So one bootstrap over units serves every metric,
paired between two candidates. For the AUC these are the structural components of DeLong, DeLong and Clarke-Pearson
(1988); where the rows of a user go together, they are added up by user (Obuchowski 1997).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.bool_]
Values = NDArray[np.float64]
Codes = NDArray[np.int64]

CLIP = 1e-7
"""Probabilities are taken to be at least this far from 0 and 1 in the log loss, which stays below 16.12."""
N_BINS = 15


def auc_by_row(labels: Labels, scores: Values) -> Values:
    """Contributions to the area under the ROC curve, float64 [n]; their mean is the area (higher is better).

    The area is the share of (click, no click) pairs that are ordered rightly, ties counting one half (Mann and Whitney
    1947), so constant scores are worth exactly 0.5. A click's component is the share of other rows below it, another
    row's the share of clicks above it (DeLong et al. 1988, eq. 5 and 6); around the area each is weighted by the
    inverse share of its class.
    """
    share = labels.mean()
    components = np.empty(len(labels))
    components[labels] = _below(scores[~labels], scores[labels])
    components[~labels] = 1.0 - _below(scores[labels], scores[~labels])
    area = components[labels].mean()
    return np.asarray(area + (components - area) / np.where(labels, share, 1.0 - share))


def logloss_by_row(labels: Labels, scores: Values) -> Values:
    """The negative log likelihood of each row's label, natural logarithm: float64 [n], lower is better."""
    clipped = np.clip(scores, CLIP, 1.0 - CLIP)
    return np.asarray(-np.log(np.where(labels, clipped, 1.0 - clipped)))


def by_user(values: Values, users: Codes) -> Values:
    """Contributions by row, added up by user: float64 [n_users] with the same mean.

    A user with twice the rows counts twice: this is the linearised ratio of sums over drawn users.
    """
    mean, counts = values.mean(), np.bincount(users)
    return np.asarray(mean + np.bincount(users, weights=values - mean) * len(counts) / len(values))


def calibration(labels: Labels, scores: Values) -> float:
    """Mean probability over mean label: 1 is right, above 1 promises too many clicks."""
    return float(scores.mean() / labels.mean())


def calibration_error(labels: Labels, scores: Values) -> float:
    """Expected calibration error: |mean probability - mean label| of 15 bins of equal width, weighted by their rows.

    Lower is better; Naeini et al. 2015, Guo et al. 2017 (eq. 5), with the probability of a click for the confidence.
    """
    bins = np.minimum((scores * N_BINS).astype(np.int64), N_BINS - 1)
    gaps = np.bincount(bins, weights=scores - labels, minlength=N_BINS)
    return float(np.abs(gaps).sum() / len(scores))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UserLists:
    """The rows of users with both labels, grouped: rows of user u are indptr[u]:indptr[u + 1] of `rows`.

    Users who clicked on all or nothing cannot be ordered wrongly, and are left out.
    """

    rows: Codes
    indptr: Codes

    @classmethod
    def of(cls, labels: Labels, users: Codes) -> "UserLists":
        clicks, counts = np.bincount(users, weights=labels), np.bincount(users)
        both = (clicks > 0) & (clicks < counts)
        order = np.argsort(users, kind="stable")
        indptr = np.concatenate(([0], np.cumsum(counts[both])))
        return cls(rows=order[both[users[order]]], indptr=indptr)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def owners(self) -> Codes:
        """The user of each of `rows`, counted among those that are left."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))


def auc_of_users(lists: UserLists, labels: Labels, scores: Values) -> Values:
    """The area under the ROC curve within each user's rows, float64 [n_lists]; ties count one half."""
    labels, scores, owners = labels[lists.rows], scores[lists.rows], lists.owners
    order = np.lexsort((scores, owners))
    starts = np.ones(len(order), dtype=np.bool_)
    starts[1:] = (np.diff(scores[order]) != 0) | (np.diff(owners[order]) != 0)
    group = np.cumsum(starts) - 1
    first, size = np.flatnonzero(starts), np.bincount(group)
    place = first[group] + (size[group] + 1) / 2 - lists.indptr[owners[order]]  # mean rank within the user, from 1
    clicked = labels[order]
    n_clicks = np.bincount(owners, weights=labels)
    n_others = np.diff(lists.indptr) - n_clicks
    ranks = np.bincount(owners[order], weights=place * clicked, minlength=len(lists))
    return np.asarray((ranks - n_clicks * (n_clicks + 1) / 2) / (n_clicks * n_others))


def gauc_by_user(lists: UserLists, labels: Labels, scores: Values) -> Values:
    """Contributions to GAUC, float64 [n_lists]: the mean over users of their own AUC, weighted by impressions.

    Zhu et al. 2017, Optimized Cost per Click in Taobao Display Advertising; Zhou et al. 2018 (DIN), eq. for GAUC.
    """
    areas, rows = auc_of_users(lists, labels, scores), np.diff(lists.indptr)
    weighted = float((areas * rows).sum() / rows.sum())
    return np.asarray(weighted + (areas - weighted) * rows * len(rows) / rows.sum())


def ndcg_by_user(lists: UserLists, labels: Labels, scores: Values, k: int) -> Values:
    """NDCG@k of each user's rows in the order of their scores, float64 [n_lists]; equal scores put no clicks first.

    Binary gains over log2(rank + 1), over the best value that min(clicks, k) clicks can have (Järvelin and
    Kekäläinen 2002).
    """
    labels, scores, owners = labels[lists.rows], scores[lists.rows], lists.owners
    order = np.lexsort((labels, -scores, owners))
    place = np.arange(len(order)) - lists.indptr[owners[order]]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    top = place < k
    gains = np.bincount(owners[order][top], weights=labels[order][top] * discounts[place[top]], minlength=len(lists))
    n_clicks = np.bincount(owners, weights=labels).astype(np.int64)
    best = np.cumsum(discounts)[np.minimum(n_clicks, k) - 1]
    return np.asarray(gains / best)


def _below(others: Values, scores: Values) -> Values:
    """For each score the share of the others that are lower, equal ones counting one half."""
    ordered = np.sort(others)
    lower, not_higher = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    return np.asarray((lower + not_higher) / (2 * len(others)))
