"""Metrics of top-k lists under full-catalogue ranking with binary relevance.

Per-user metrics take `hits`, bool [q, width], where hits[u, r] says that place r (0 is the top) of user u's list
holds a relevant item, and `n_relevant`, int64 [q], the size of each user's relevant set; they return float64 [q],
higher is better. A user with nothing relevant gets 0; leave such users out before taking a mean. Lists may be short
(padded): an empty place is no hit. Each relevant item may stand at most once in a list.

Denominators, which differ between libraries: NDCG divides by the best DCG of min(|relevant|, k) places, recall and
MAP by |relevant|, precision by k even for a shorter list. These are the definitions of ranx.

Exposure metrics take what `exposure_of` counts in the lists, int32 [q, width] with -1 for an empty place.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
PerUser = NDArray[np.float64]
Lists = NDArray[np.int32]
T = TypeVar("T", bound=np.generic)


def ndcg_at(hits: Hits, n_relevant: Counts, k: int) -> PerUser:
    """Normalised discounted cumulative gain: sum of hit_r / log2(r + 1), r from 1 to k, over its best value.

    The best value puts min(|relevant|, k) hits on top. Järvelin and Kekäläinen 2002, with binary gains.
    """
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate(([0.0], np.cumsum(discounts)))[np.minimum(n_relevant, k)]
    return _ratio(_top(hits, k) @ discounts, ideal)


def recall_at(hits: Hits, n_relevant: Counts, k: int) -> PerUser:
    """Share of the relevant items that stand in the top k: hits / |relevant| (not min(|relevant|, k))."""
    return _ratio(_n_hits(hits, k), n_relevant)


def precision_at(hits: Hits, n_relevant: Counts, k: int) -> PerUser:
    """Share of the top k places that hold a relevant item: hits / k, also where the list is shorter than k."""
    return np.where(n_relevant > 0, _n_hits(hits, k) / k, 0.0)


def hitrate_at(hits: Hits, n_relevant: Counts, k: int) -> PerUser:
    """1 where at least one relevant item stands in the top k, else 0."""
    return (_top(hits, k).any(axis=1) & (n_relevant > 0)).astype(np.float64)


def mrr_at(hits: Hits, n_relevant: Counts, k: int) -> PerUser:
    """Reciprocal rank of the first hit, 1 / r, and 0 where the top k holds none (Voorhees 1999, truncated at k)."""
    top = _top(hits, k)
    return np.where(top.any(axis=1) & (n_relevant > 0), 1.0 / (top.argmax(axis=1) + 1), 0.0)


def map_at(hits: Hits, n_relevant: Counts, k: int) -> PerUser:
    """Average precision: the sum of precision@r over the places r <= k that hit, divided by |relevant|.

    As in trec_eval and ranx. A user with more than k relevant items cannot reach 1; RecBole, which divides by
    min(|relevant|, k), gives such users more.
    """
    top = _top(hits, k)
    precision = np.cumsum(top, axis=1) / np.arange(1, k + 1)
    return _ratio(np.where(top, precision, 0.0).sum(axis=1), n_relevant)


def exposure_of(lists: Lists, n_items: int) -> Counts:
    """How often each item of the catalogue stands in the lists, cut to the places that count: int64 [n_items]."""
    return np.bincount((lists + 1).ravel(), minlength=n_items + 1)[1:].astype(np.int64)


def coverage(exposure: Counts) -> float:
    """Share of the catalogue that is shown at all; higher is broader."""
    return float(np.count_nonzero(exposure) / len(exposure))


def gini(exposure: Counts) -> float:
    """Gini index over the full catalogue: 0 when all items are shown equally often, towards 1 when few take it all.

    **Lower is more even.** With sorted exposures x_1 <= ... <= x_n: sum (2i - n - 1) x_i / (n sum x). Nothing shown
    at all counts as 1, so that an empty answer never looks fair.
    """
    n_items, total = len(exposure), int(exposure.sum())
    if total == 0:
        return 1.0
    weighted = (2 * np.arange(1, n_items + 1) - n_items - 1) * np.sort(exposure)
    return float(weighted.sum() / (n_items * total))


def novelty(exposure: Counts, item_counts: Counts) -> float:
    """Mean self-information of what is shown in bits, -log2 p(i); higher is less obvious (Zhou et al. 2010).

    p(i) is the item's share of the history's interactions, from `item_counts`, int64 [n_items]. An item that the
    history does not hold counts as seen once, which keeps its surprise finite and no smaller than any other's.
    Nothing shown at all gives 0.
    """
    total = int(exposure.sum())
    if total == 0:
        return 0.0
    information = np.log2(max(int(item_counts.sum()), 1)) - np.log2(np.maximum(item_counts, 1))
    return float((exposure * information).sum() / total)


def _top(table: NDArray[T], k: int) -> NDArray[T]:
    if not 1 <= k <= table.shape[1]:
        raise ValueError(f"k is {k}; expected 1 to {table.shape[1]}, the width of the lists")
    return table[:, :k]


def _n_hits(hits: Hits, k: int) -> Counts:
    return np.asarray(np.count_nonzero(_top(hits, k), axis=1), dtype=np.int64)


def _ratio(above: PerUser | Counts, below: PerUser | Counts) -> PerUser:
    """Above / below, and 0 where below is 0."""
    quotient: PerUser = np.divide(above, below, out=np.zeros(len(below)), where=below != 0)
    return quotient
