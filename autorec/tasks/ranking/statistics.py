"""Impressions in figures: what a design for them is drawn from. Of train, and of select how much of it is new; no
other part. Names are ours: no column's stands in them.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from autorec.domain.job import Part
from autorec.tasks.datasets import Bools
from autorec.tasks.parts import rows_of
from autorec.tasks.ranking.impressions import Impressions
from autorec.tasks.ranking.vocabulary import Vocabulary
from autorec.tasks.splits import Split
from autorec.tasks.statistics import DAY_S, quantiles, rounded

SLICES = 5
LONG_TAIL = 20.0
"""A column has a long tail where its largest number is so many times the 95th percentile, both without sign."""
CROWDED = 0.5


def statistics(rows: Impressions, split: Split, vocabularies: Sequence[Vocabulary]) -> Mapping[str, float]:
    """Figures of the training part by name; those that the data cannot give are left out. Shares are from 0 to 1."""
    return {name: rounded(value) for name, value in _figures(rows, split, vocabularies)}


def _figures(rows: Impressions, split: Split, vocabularies: Sequence[Vocabulary]) -> Iterator[tuple[str, float]]:
    train = rows_of(split.part, Part.TRAIN)
    yield "rows", int(train.sum())
    yield "click_rate", float(rows.labels[train].mean())
    yield from _over_time(rows, train)
    yield from _users(rows, train)
    yield from _numbers(rows, train)
    if rows.fields:
        n_codes = np.array([vocabulary.n_codes for vocabulary in vocabularies])
        yield "codes", int(n_codes.sum())
        yield from quantiles("codes_a_category", n_codes)
        yield "most_codes_of_a_category", int(n_codes.max())
        yield "category_missing", float(np.mean([(field.codes[train] < 0).mean() for field in rows.fields]))
        yield "crowded_categories", sum(_crowded(field.codes[train]) for field in rows.fields)
        yield "rare_values_in_train", _shared(rows, vocabularies, train)
        yield "new_or_rare_values_to_answer", _shared(rows, vocabularies, rows_of(split.part, Part.SELECT))


def _over_time(rows: Impressions, train: Bools) -> Iterator[tuple[str, float]]:
    """The share of clicks in slices of equally many rows, oldest first, where the rows have an order."""
    if rows.timestamps is None and not rows.in_order:
        return
    labels = rows.labels[train]
    if rows.timestamps is not None:
        yield "days", float(np.ptp(rows.timestamps[train]) / DAY_S)
        labels = labels[np.argsort(rows.timestamps[train], kind="stable")]
    for place, part in enumerate(np.array_split(labels, SLICES), start=1):
        if len(part):
            yield f"click_rate_in_slice_{place}_of_{SLICES}", float(part.mean())


def _users(rows: Impressions, train: Bools) -> Iterator[tuple[str, float]]:
    if rows.users is None:
        return
    named = train & (rows.users.codes >= 0)
    codes = rows.users.codes[named]
    shown, clicks = np.bincount(codes), np.bincount(codes, weights=rows.labels[named])
    yield "users", int((shown > 0).sum())
    yield from quantiles("rows_a_user", shown[shown > 0])
    both = (clicks > 0) & (clicks < shown)
    yield "users_with_both_labels", float(both.sum() / max(1, (shown > 0).sum()))


def _numbers(rows: Impressions, train: Bools) -> Iterator[tuple[str, float]]:
    if not rows.numbers:
        return
    columns = [number.values[train] for number in rows.numbers]
    missing = [float(np.isnan(values).mean()) for values in columns]
    yield "number_missing", float(np.mean(missing))
    yield "most_missing_of_a_number", max(missing)
    sizes = [np.abs(values[~np.isnan(values)]) for values in columns]
    yield "long_tailed_numbers", sum(_long_tailed(size) for size in sizes)


def _long_tailed(sizes: np.ndarray) -> bool:
    return bool(len(sizes) and sizes.max() > LONG_TAIL * max(float(np.quantile(sizes, 0.95)), 1e-9))


def _crowded(codes: np.ndarray) -> bool:
    """Whether one value, or that it is missing, is in more than half of the rows."""
    return bool(np.bincount(codes + 1).max() > CROWDED * len(codes))


def _shared(rows: Impressions, vocabularies: Sequence[Vocabulary], here: Bools) -> float:
    """The share of values of categories that have no code of their own, as train does not hold them twice."""
    fields = zip(rows.fields, vocabularies, strict=True)
    return float(np.mean([v.is_shared(v.encode(field.codes[here])).mean() for field, v in fields]))
