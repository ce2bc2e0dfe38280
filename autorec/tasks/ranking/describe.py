"""What impressions and their split are like, and what to beware of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np

from autorec.domain.job import Part
from autorec.tasks.describe import moment
from autorec.tasks.parts import HOLDOUTS, rows_of
from autorec.tasks.ranking.impressions import Impressions
from autorec.tasks.ranking.statistics import statistics
from autorec.tasks.ranking.vocabulary import Vocabulary
from autorec.tasks.splits import Split

TYPICAL_AUC = 0.75
COARSE_AUC = 0.005
NEW_WORTH_SAYING = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDescription:
    """One part: its `rows`, the `clicks` among them, users and those with rows of both labels (None without users),
    the share of categorical values without a code of their own, as train did not hold them twice.
    """

    rows: int
    clicks: int
    users: int | None
    users_with_both: int | None
    new_values: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Sizes, columns, times and parts; plain values only.

    `missing` is the share of missing values by column, `values` the number of distinct ones by categorical column.
    `statistics` are those of the task. `resolvable_auc` is about the smallest difference of AUC on test that unpaired
    figures can tell apart.
    """

    name: str
    digest: str
    rows_in_all: int
    click_rate: float
    users: int | None
    missing: Mapping[str, float]
    values: Mapping[str, int]
    first_time: str | None
    last_time: str | None
    split: str
    split_digest: str
    parts: Mapping[str, PartDescription]
    resolvable_auc: float
    statistics: Mapping[str, float]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def rows(self) -> Iterator[tuple[str, str]]:
        """(name, text) a line, for people; notes among them, warnings not."""
        yield "data", f"{self.name} ({self.digest[:10]})"
        yield "rows", f"{self.rows_in_all:,}, {self.click_rate:.2%} clicked"
        yield "users", "none named" if self.users is None else f"{self.users:,}"
        numeric = [name for name in self.missing if name not in self.values]
        yield "numbers", ", ".join(f"{n} ({self.missing[n]:.0%} missing)" for n in numeric) or "none"
        yield "categories", ", ".join(f"{name} ({count:,})" for name, count in self.values.items()) or "none"
        yield "time", "none" if self.first_time is None else f"{self.first_time} to {self.last_time}"
        yield "split", f"{self.split} ({self.split_digest[:10]})"
        for name, part in self.parts.items():
            both = "" if part.users is None else f"; {part.users_with_both:,} of {part.users:,} users with both labels"
            yield name, f"{part.rows:,} rows, {part.clicks:,} clicks, {part.new_values:.1%} of values new{both}"
        yield "resolvable AUC", f"about {self.resolvable_auc:.3f} by unpaired figures"
        for name, value in self.statistics.items():
            yield "in train", f"{name.replace('_', ' ')} {value:,}"
        for note in self.notes:
            yield "note", note


def describe(rows: Impressions, split: Split, vocabularies: Sequence[Vocabulary]) -> Description:
    """Describe impressions as they are split."""
    parts = {part.value: _part(rows, split, vocabularies, part) for part in (Part.TRAIN, *HOLDOUTS)}
    test = parts[Part.TEST.value]
    resolvable = 2 * auc_error(test.clicks, test.rows - test.clicks)
    return Description(
        name=rows.name,
        digest=rows.digest,
        rows_in_all=len(rows),
        click_rate=float(rows.labels.mean()),
        users=len(rows.users.values) if rows.users else None,
        missing={n.name: float(np.isnan(n.values).mean()) for n in rows.numbers}
        | {f.name: float((f.codes < 0).mean()) for f in rows.fields},
        values={f.name: len(f.values) for f in rows.fields},
        first_time=None if rows.timestamps is None else moment(rows.timestamps.min()),
        last_time=None if rows.timestamps is None else moment(rows.timestamps.max()),
        split=split.rule,
        split_digest=split.digest,
        parts=parts,
        resolvable_auc=resolvable,
        statistics=statistics(rows, split, vocabularies),
        notes=(*rows.notes, *split.notes),
        warnings=tuple(_warnings(rows, parts, resolvable)),
    )


def auc_error(n_clicks: int, n_others: int, auc: float = TYPICAL_AUC) -> float:
    """The standard error of an AUC (Hanley and McNeil 1982, with Q1 = A / (2 - A), Q2 = 2 A^2 / (1 + A))."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (n_clicks - 1) * (q1 - auc**2) + (n_others - 1) * (q2 - auc**2)
    return sqrt(variance / (n_clicks * n_others))


def _part(rows: Impressions, split: Split, vocabularies: Sequence[Vocabulary], part: Part) -> PartDescription:
    here = rows_of(split.part, part)
    new = [
        float(vocabulary.is_shared(vocabulary.encode(field.codes[here])).mean())
        for field, vocabulary in zip(rows.fields, vocabularies, strict=True)
    ]
    users = with_both = None
    if rows.users is not None:
        named = here & (rows.users.codes >= 0)
        codes, labels = rows.users.codes[named], rows.labels[named]
        shown = np.bincount(codes)
        clicks = np.bincount(codes, weights=labels)
        users, with_both = int((shown > 0).sum()), int(((clicks > 0) & (clicks < shown)).sum())
    return PartDescription(
        rows=int(here.sum()),
        clicks=int(rows.labels[here].sum()),
        users=users,
        users_with_both=with_both,
        new_values=float(np.mean(new)) if new else 0.0,
    )


def _warnings(rows: Impressions, parts: Mapping[str, PartDescription], resolvable: float) -> Iterator[str]:
    test = parts[Part.TEST.value]
    if resolvable > COARSE_AUC:
        yield (
            f"{test.rows:,} rows in test, {test.clicks:,} of them clicked: differences of AUC below about "
            f"{resolvable:.3f} are not resolved by figures alone; compare by paired intervals"
        )
    if test.new_values > NEW_WORTH_SAYING:
        yield f"test: {test.new_values:.0%} of categorical values were not held twice by train, and share a code"
    if rows.timestamps is None and not rows.in_order:
        yield "no timestamps: the split cannot respect time, so what drifts looks better than it is"
    nameless = 0.0 if rows.users is None else float((rows.users.codes < 0).mean())
    if nameless:
        yield f"{nameless:.1%} of rows name no user: each counts as a unit of its own, and for no GAUC or NDCG"
    if rows.users is None:
        yield "no column of users: GAUC and NDCG within a user's rows cannot be had, and rows count as independent"
