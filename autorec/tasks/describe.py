"""What a data set and its split are like, and what to beware of."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import sqrt
from typing import Any

import numpy as np

from autorec.domain.job import Part
from autorec.tasks.datasets import Dataset, Int64s, sorted_unique
from autorec.tasks.holdouts import ground
from autorec.tasks.parts import HOLDOUTS
from autorec.tasks.splits import Split
from autorec.tasks.statistics import statistics, tied

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
NDCG_DEVIATION = 0.25
"""A typical standard deviation of NDCG@10 over users."""
COARSE_NDCG = 0.01
TIES_WORTH_SAYING = 0.05
COLD_WORTH_SAYING = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDescription:
    """One holdout: `rows` of the log, users with something to find (`warm_users` with a history, `cold_users`
    without), relevant `pairs`, how many of those have an item that nobody had before (`cold_item_pairs`).
    """

    rows: int
    warm_users: int
    cold_users: int
    pairs: int
    cold_item_pairs: int
    unreachable_pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Sizes, times, ties and parts; plain values only.

    `density` is the share of user-item pairs that occur; `tied_rows` the share of rows that share (user, timestamp)
    with another, `tied_last_users` the users whose last timestamp is shared; `events_a_user` minimum, quartiles and
    maximum; `statistics` are those of the task. `resolvable_ndcg` is about the smallest difference of NDCG@10 on test
    that unpaired means can tell apart.
    """

    name: str
    digest: str
    users: int
    items: int
    interactions: int
    density: float
    first_time: str | None
    last_time: str | None
    tied_rows: float | None
    tied_last_users: int | None
    repeats: int
    events_a_user: tuple[float, ...]
    features: tuple[str, ...]
    split: str
    split_digest: str
    train_rows: int
    parts: Mapping[str, PartDescription]
    resolvable_ndcg: float
    statistics: Mapping[str, float]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def rows(self) -> Iterator[tuple[str, str]]:
        """(name, text) a line, for people; notes among them, warnings not."""
        yield "data", f"{self.name} ({self.digest[:10]})"
        yield "users, items", f"{self.users:,}, {self.items:,}"
        yield "interactions", f"{self.interactions:,} (density {self.density:.3%}, {self.repeats:,} repeats)"
        yield "events a user", "min {:g}, quartiles {:g} / {:g} / {:g}, max {:g}".format(*self.events_a_user)
        yield "time", "none" if self.first_time is None else f"{self.first_time} to {self.last_time}"
        if self.tied_rows is not None:
            yield "time ties", f"{self.tied_rows:.1%} of rows; the last event of {self.tied_last_users:,} users"
        yield "features", ", ".join(self.features) or "none"
        yield "split", f"{self.split} ({self.split_digest[:10]})"
        yield "train", f"{self.train_rows:,} rows"
        for name, part in self.parts.items():
            yield (
                name,
                f"{part.rows:,} rows, {part.warm_users:,} warm and {part.cold_users:,} cold users, "
                f"{part.pairs:,} pairs to find, {part.cold_item_pairs:,} of them with a cold item",
            )
        yield "resolvable NDCG@10", f"about {self.resolvable_ndcg:.3f} by unpaired means"
        for name, value in self.statistics.items():
            yield "in train", f"{name.replace('_', ' ')} {value:,}"
        for note in self.notes:
            yield "note", note


def describe(dataset: Dataset, split: Split) -> Description:
    """Describe a data set as it is split."""
    parts = {part.value: _part(dataset, split, part) for part in HOLDOUTS}
    pairs = len(sorted_unique(dataset.users.astype(np.int64) * dataset.n_items + dataset.items))
    tied_rows, tied_last = (None, None) if dataset.timestamps is None else _ties(dataset, dataset.timestamps)
    resolvable = 2 * NDCG_DEVIATION / sqrt(parts["test"].warm_users)
    return Description(
        name=dataset.name,
        digest=dataset.digest,
        users=dataset.n_users,
        items=dataset.n_items,
        interactions=dataset.n_interactions,
        density=pairs / (dataset.n_users * dataset.n_items),
        first_time=None if dataset.timestamps is None else moment(dataset.timestamps.min()),
        last_time=None if dataset.timestamps is None else moment(dataset.timestamps.max()),
        tied_rows=tied_rows,
        tied_last_users=tied_last,
        repeats=dataset.n_interactions - pairs,
        events_a_user=tuple(np.quantile(np.diff(dataset.user_indptr), QUANTILES).tolist()),
        features=tuple(f"{f.side} {f.name} ({f.kind})" for f in dataset.features),
        split=split.rule,
        split_digest=split.digest,
        train_rows=split.counts["train"],
        parts=parts,
        resolvable_ndcg=resolvable,
        statistics=statistics(dataset, split),
        notes=(*dataset.notes, *split.notes),
        warnings=tuple(_warnings(dataset, parts, tied_rows, tied_last, resolvable)),
    )


def _part(dataset: Dataset, split: Split, part: Part) -> PartDescription:
    truth = ground(dataset, split, part)
    return PartDescription(
        rows=split.counts[part.value],
        warm_users=int(truth.warm.sum()),
        cold_users=int((~truth.warm).sum()),
        pairs=len(truth.items),
        cold_item_pairs=int(np.sum(truth.item_counts[truth.items] == 0)),
        unreachable_pairs=truth.unreachable,
    )


def moment(seconds: np.int64) -> str:
    """ISO 8601 in UTC; the bare number of seconds where that is no year from 1 to 9999."""
    try:
        return datetime.fromtimestamp(int(seconds), tz=UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return f"{int(seconds)} s"


def _ties(dataset: Dataset, timestamps: Int64s) -> tuple[float, int]:
    """Share of rows that share (user, timestamp), and users whose last timestamp is shared."""
    with_another = tied(dataset.users, timestamps)
    ends = dataset.user_indptr[1:]
    last = ends[np.diff(dataset.user_indptr) > 0] - 1
    return float(with_another.mean()), int(with_another[last].sum())


def _warnings(
    dataset: Dataset,
    parts: Mapping[str, PartDescription],
    tied_rows: float | None,
    tied_last: int | None,
    resolvable: float,
) -> Iterator[str]:
    test = parts[Part.TEST.value]
    if resolvable > COARSE_NDCG:
        yield (
            f"{test.warm_users:,} warm users in test: differences of NDCG@10 below about {resolvable:.3f} "
            "are not resolved by means alone; compare by paired intervals"
        )
    if tied_rows is not None and tied_rows > TIES_WORTH_SAYING:
        yield (
            f"{tied_rows:.1%} of rows share user and timestamp with another, {tied_last:,} users have a tied last "
            "one: their order is by hash, so what looks sequential may be chance"
        )
    for name, part in parts.items():
        users = part.warm_users + part.cold_users
        if part.cold_users > COLD_WORTH_SAYING * users:
            yield f"{name}: {part.cold_users:,} of {users:,} users have no history; they are reported apart"
        if part.cold_item_pairs > COLD_WORTH_SAYING * part.pairs:
            yield f"{name}: {part.cold_item_pairs:,} of {part.pairs:,} pairs have an item that nobody had before"
        if part.unreachable_pairs > COLD_WORTH_SAYING * (part.pairs + part.unreachable_pairs):
            yield f"{name}: {part.unreachable_pairs:,} pairs repeat the user's history and are not asked for"
    if not dataset.in_order:
        yield "no timestamps: sequential models have nothing to go by, and the split cannot respect time"
