"""A log in figures: what a design for it is drawn from. Of train, and of select how much of it is cold; no other part.

Names are ours: no text of the data set stands in them. Figures have four significant digits, so that they are the same
wherever they are told.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from autorec.domain.job import Part
from autorec.tasks.datasets import Bools, Dataset, Float64s, Int32s, Int64s, sorted_unique
from autorec.tasks.holdouts import ground
from autorec.tasks.parts import rows_of
from autorec.tasks.splits import Split

DAY_S = 86_400
QUANTILES = {"lowest_tenth": 0.1, "median": 0.5, "highest_tenth": 0.9}
DIGITS = 4
SHUFFLE_SEED = 0


def statistics(dataset: Dataset, split: Split) -> Mapping[str, float]:
    """Figures of the training part by name; those that the data cannot give are left out. Shares are from 0 to 1."""
    return {name: rounded(value) for name, value in _figures(dataset, split)}


def rounded(value: float) -> float:
    """Four significant digits; a count keeps all of its own. Always a float, as it is once it was stored."""
    return float(value) if isinstance(value, int) else float(f"{value:.{DIGITS}g}")


def quantiles(of: str, counts: Int64s) -> Iterator[tuple[str, float]]:
    """The value that a tenth lie below, the median, and the value that a tenth lie above; none of an empty array."""
    if len(counts):
        yield from ((f"{of}_{name}", float(np.quantile(counts, q))) for name, q in QUANTILES.items())


def tied(users: Int32s, timestamps: Int64s) -> Bools:
    """Which rows share (user, timestamp) with another; rows are sorted by both."""
    same = (users[1:] == users[:-1]) & (timestamps[1:] == timestamps[:-1])
    found = np.zeros(len(users), dtype=np.bool_)
    found[1:] |= same
    found[:-1] |= same
    return found


def gini(counts: Int64s) -> float:
    """0: all alike; towards 1: one has everything."""
    ordered = np.sort(counts)
    n, total = len(ordered), ordered.sum()
    return float(2 * np.sum(np.arange(1, n + 1) * ordered) / (n * total) - (n + 1) / n) if total else 0.0


def _figures(dataset: Dataset, split: Split) -> Iterator[tuple[str, float]]:
    train = rows_of(split.part, Part.TRAIN)
    users, items = dataset.users[train], dataset.items[train]
    of_users = np.bincount(users, minlength=dataset.n_users)
    of_items = np.bincount(items, minlength=dataset.n_items)
    taken = np.sort(of_items)[::-1]
    pairs = len(sorted_unique(users.astype(np.int64) * dataset.n_items + items))
    yield "events", len(users)
    yield "density", pairs / (dataset.n_users * dataset.n_items)
    yield from quantiles("events_a_user", of_users[of_users > 0])
    yield from quantiles("events_an_item", of_items[of_items > 0])
    yield "items_without_events", float(np.mean(of_items == 0))
    yield "item_gini", gini(of_items)
    yield "top_1_percent_of_items", float(taken[: max(1, len(taken) // 100)].sum() / len(users))
    yield "repeated_pairs", 1 - pairs / len(users)
    if dataset.in_order:
        yield "order_lift", order_lift(users, items)
    if dataset.timestamps is not None:
        yield from _times(users, dataset.timestamps[train])
    if dataset.values is not None:
        yield "distinct_values", len(np.unique(dataset.values[train]))
    for side in ("item", "user"):
        yield f"{side}_features", sum(feature.side == side for feature in dataset.features)
    yield from _asked(dataset, split)


def _times(users: Int32s, timestamps: Int64s) -> Iterator[tuple[str, float]]:
    first, last = timestamps.min(), timestamps.max()
    yield "days", float((last - first) / DAY_S)
    yield "events_in_last_tenth_of_time", float(np.mean(timestamps > last - (last - first) * 0.1))
    starts = np.flatnonzero(np.concatenate(([True], users[1:] != users[:-1])))
    ends = np.concatenate((starts[1:], [len(users)])) - 1
    spans = timestamps[ends] - timestamps[starts]
    yield "days_a_user_median", float(np.median(spans) / DAY_S)
    yield "users_within_a_day", float(np.mean(spans <= DAY_S))
    yield "tied_events", float(tied(users, timestamps).mean())


def order_lift(users: Int32s, items: Int32s) -> float:
    """How much oftener two steps (an item, the user's next one) are the same than if each user's order were chance.

    1: the order says nothing beyond who took what; 0 where no two steps are the same.
    """
    rng = np.random.default_rng(SHUFFLE_SEED)
    shuffled = items[np.lexsort((rng.random(len(items)), users))]
    by_chance = _same_steps(users, shuffled)
    return _same_steps(users, items) / by_chance if by_chance else 0.0


def _same_steps(users: Int32s, items: Int32s) -> float:
    within = users[1:] == users[:-1]
    steps = items[:-1][within].astype(np.int64) << 32 | items[1:][within]
    ordered = np.sort(steps)
    edges = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True]))) if len(ordered) else [0]
    counts: Float64s = np.diff(edges).astype(np.float64)
    return float(np.sum(counts * (counts - 1)))


def _asked(dataset: Dataset, split: Split) -> Iterator[tuple[str, float]]:
    truth = ground(dataset, split, Part.SELECT)
    asked = max(1, len(truth.items))
    yield "to_find_a_user", asked / max(1, len(truth.users))
    yield "to_find_cold_items", float(np.sum(truth.item_counts[truth.items] == 0) / asked)
    yield "to_find_cold_users", float(np.mean(~truth.warm)) if len(truth.warm) else 0.0
