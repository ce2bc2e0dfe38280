"""Reads impressions, whatever the format they come in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autorec.domain.errors import DataError
from autorec.tasks.columnar_text import Declined
from autorec.tasks.datasets import Int64s
from autorec.tasks.delimited import Table
from autorec.tasks.parquet import INSTALL
from autorec.tasks.ranking import columnar, plain
from autorec.tasks.ranking.columns import Raw, Refused, SourceDigest, as_it_looks
from autorec.tasks.ranking.formats import CRITEO_LAYOUT, Source, recognise
from autorec.tasks.ranking.impressions import Category, Impressions, Number
from autorec.tasks.ranking.layout import Layout, lay_out
from autorec.tasks.readers import has_duckdb, is_large

CRITEO_NOTE = "the Criteo layout: the order of the file is taken as the order of time"
SLOW_NOTE = f"text of this size is read faster, and in less memory, with duckdb: {INSTALL}"


def load(path: Path, named: Mapping[str, str]) -> Impressions:
    """Read rows: CSV, TSV, Parquet, given train, valid and test files, or the Criteo layout, gzip undone.

    `named` says which column is label, user, timestamp, where the usual names do not fit, and lists those that are
    numeric, categorical or to be left out (`numeric=price+age`), where their look misleads.
    Raises DataError with the file, the line and what to do next.
    """
    source = recognise(path, named)
    with _opened(source) as raw:
        return impressions(source, raw, named)


def impressions(source: Source, raw: Raw, named: Mapping[str, str]) -> Impressions:
    """What the columns of a source are taken for, whoever holds them. Raises DataError as `load` does."""
    if 0 in raw.sizes:
        empty = source.tables[list(raw.sizes).index(0)].path
        raise DataError(f"{empty}: no rows after the header", fix="give a file with rows in it")
    layout = CRITEO_LAYOUT if source.is_criteo else lay_out(source.tables[0], raw, named)
    return _read(source, raw, layout)


@contextmanager
def _opened(source: Source) -> Iterator[Raw]:
    """All columns: asked of duckdb where they are Parquet or many rows, else in memory."""
    texts = [table for table in source.tables if isinstance(table, Table)]
    with ExitStack() as stack:
        raw = None
        if not texts or (is_large(texts) and has_duckdb()):
            with suppress(Declined):
                raw = stack.enter_context(columnar.stored(source.tables, source.names))
        yield raw or plain.gathered(texts, source.names)


def _read(source: Source, raw: Raw, layout: Layout) -> Impressions:
    with _explained(source, raw, "0 or 1 as label"):
        labels = raw.columns[layout.label].labels()
    times: Int64s | None = None
    time_notes: tuple[str, ...] = ()
    if layout.time is not None:
        with _explained(source, raw, "a timestamp: a number or an ISO 8601 date"):
            times, time_notes = raw.columns[layout.time].times()
    with _explained(source, raw, "a number"):
        features = _features(raw, layout)
    return Impressions(
        name=source.name,
        labels=labels,
        numbers=tuple(number for number in features.numbers.values() if _tells(number)),
        categories=tuple(
            field for place, field in features.categories.items() if place != layout.user and _tells(field)
        ),
        users=None if layout.user is None else features.categories[layout.user],
        timestamps=times,
        in_order=source.is_criteo,
        given=np.repeat(np.arange(len(raw.sizes), dtype=np.int8), raw.sizes) if len(raw.sizes) > 1 else None,
        notes=(*_notes(source, raw, features, layout.user), *time_notes),
        source_digest=features.source_digest,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Features:
    """By the place of their column, users among the categories; and the digest of all columns."""

    numbers: Mapping[int, Number]
    categories: Mapping[int, Category]
    source_digest: str


def _features(raw: Raw, layout: Layout) -> _Features:
    """Columns come one after the other, so that beside what is kept only one is held."""
    digest = SourceDigest()
    numbers: dict[int, Number] = {}
    categories: dict[int, Category] = {}
    for place, column in enumerate(raw.columns):
        if place in raw.unreadable:
            continue
        held = as_it_looks(column)
        digest.add(column.name, held)
        if place in layout.numeric:
            values = column.numbers() if isinstance(held, Category) else held
            numbers[place] = Number(name=column.name, values=values.astype(np.float32))
        elif place in layout.categorical or place == layout.user:
            categories[place] = held if isinstance(held, Category) else column.category()
    return _Features(numbers=numbers, categories=categories, source_digest=digest.hexdigest())


def _tells(feature: Number | Category) -> bool:
    """Whether it holds more than one value; missing is one."""
    if isinstance(feature, Category):
        return len(feature.values) + bool((feature.codes < 0).any()) > 1
    return bool((feature.values != feature.values[0]).any()) and not bool(np.isnan(feature.values).all())


def _notes(source: Source, raw: Raw, features: _Features, user: int | None) -> Iterator[str]:
    both: Mapping[int, Number | Category] = {**features.numbers, **features.categories}
    told = {place for place, feature in both.items() if place != user and _tells(feature)}

    def names(places: Iterable[int]) -> str:
        return ", ".join(raw.columns[place].name for place in sorted(places)) or "none"

    if source.is_criteo:
        yield CRITEO_NOTE
    else:
        numeric, categorical = (names(told & group.keys()) for group in (features.numbers, features.categories))
        yield f"read as numbers: {numeric}; as categories: {categorical}"
    if empty := both.keys() - told - {user}:
        yield f"left out, as they hold one value: {names(empty)}"
    if raw.unreadable:
        yield f"left out, as they hold lists, or what is neither numbers nor texts: {names(raw.unreadable)}"
    if is_large(source.tables) and not has_duckdb():
        yield SLOW_NOTE


@contextmanager
def _explained(source: Source, raw: Raw, wanted: str) -> Iterator[None]:
    """A value that is refused raises DataError that names its place."""
    try:
        yield
    except Refused as error:
        raise DataError(
            f"{_place(source, raw.sizes, error.row)}: expected {wanted}, found {error.text!r}",
            fix="mend or remove that line"
            if source.is_criteo
            else "mend that line, or say what the columns are: "
            "--columns label=<column>,timestamp=<column>,categorical=<column>+<column>",
        ) from None


def _place(source: Source, sizes: Sequence[int], row: int) -> str:
    """The file and line of a row, or the file and row where it has no lines."""
    number = int(np.searchsorted(np.cumsum(sizes), row, side="right"))
    table, row = source.tables[number], row - sum(sizes[:number])
    return f"{table.path}, " + (f"line {table.line(row)}" if isinstance(table, Table) else f"row {row + 1}")
