"""Reads impressions: a headed CSV or TSV file, given train/valid/test files, or the Criteo layout.

The Criteo layout has no header: a label of 0 or 1, 13 columns of numbers, 26 of categories, parted by tabs, empty where
missing. Its rows stand in the order of time.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from autorec.domain.errors import DataError
from autorec.tasks import timestamps
from autorec.tasks.datasets import GIVEN_FILES, Int64s
from autorec.tasks.delimited import CHUNK_ROWS, Columns, Table, open_table
from autorec.tasks.formats import given_file
from autorec.tasks.header import ALIASES
from autorec.tasks.ranking.columns import Column, Refused, source_digest
from autorec.tasks.ranking.impressions import Impressions

CRITEO_NUMBERS, CRITEO_CATEGORIES = 13, 26
CRITEO_FIELDS = 1 + CRITEO_NUMBERS + CRITEO_CATEGORIES
GUESSES: Mapping[str, tuple[str, ...]] = {
    "label": ("label", "click", "clicked", "target", "y"),
    "user": ALIASES["user"],
    "timestamp": ALIASES["timestamp"],
}
LISTED = ("numeric", "categorical", "ignore")
MEANINGS = (*GUESSES, *LISTED)
BETWEEN_NAMES = "+"
TEXT_SUFFIXES = (".txt", ".csv", ".tsv")


def load(path: Path, columns: Mapping[str, str]) -> Impressions:
    """Read rows. `columns` says which column is label, user, timestamp, where the usual names do not fit, and lists
    those that are numeric, categorical or to be left out (`numeric=price+age`), where their look misleads.

    Raises DataError with the file, the line and what to do next.
    """
    tables, in_order = _tables(path)
    if in_order:
        if columns:
            raise DataError(f"{path}: the Criteo layout has no column names", fix="leave --columns out")
        return _read_criteo(tables[0])
    return _read_headed(tables, columns, name=path.resolve().name if path.is_dir() else path.stem)


def _tables(path: Path) -> tuple[list[Table], bool]:
    """The tables at a path, and whether they are of the Criteo layout."""
    if not path.is_dir():
        table = open_table(path)
        return [table], _is_criteo(table)
    texts = sorted(file for file in path.iterdir() if file.suffix in TEXT_SUFFIXES and file.is_file())
    if len(texts) == 1:
        table = open_table(texts[0])
        return [table], _is_criteo(table)
    return [open_table(given_file(path, name)) for name in GIVEN_FILES], False


def _is_criteo(table: Table) -> bool:
    return table.dialect.delimiter == "\t" and len(table.header) == CRITEO_FIELDS and table.header[0] in ("0", "1")


def _read_criteo(table: Table) -> Impressions:
    names = ["label", *(f"I{i + 1}" for i in range(CRITEO_NUMBERS)), *(f"C{i + 1}" for i in range(CRITEO_CATEGORIES))]
    columns = [Column(name) for name in names]
    for chunk in _criteo_chunks(table.path):
        for column, texts in zip(columns, chunk, strict=True):
            column.add(texts)
    label, numbers, categories = columns[0], columns[1 : 1 + CRITEO_NUMBERS], columns[1 + CRITEO_NUMBERS :]
    try:
        return Impressions(
            name=table.path.stem,
            labels=label.labels(),
            numbers=tuple(column.number() for column in numbers if not column.is_empty),
            categories=tuple(column.category() for column in categories if not column.is_empty),
            in_order=True,
            notes=("the Criteo layout: the order of the file is taken as the order of time",),
            source_digest=source_digest(columns),
        )
    except Refused as error:
        raise DataError(
            f"{table.path}, line {error.row + 1}: expected a label of 0 or 1 and then 13 numbers, found {error.text!r}",
            fix="mend or remove that line",
        ) from None


def _criteo_chunks(path: Path) -> Iterator[Columns]:
    rows: list[list[str]] = []
    with path.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, 1):
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) != CRITEO_FIELDS:
                raise DataError(
                    f"{path}, line {number}: expected {CRITEO_FIELDS} fields parted by tabs, found {len(fields)}",
                    fix="mend or remove that line",
                )
            rows.append(fields)
            if len(rows) == CHUNK_ROWS:
                yield list(zip(*rows, strict=True))
                rows = []
    if rows:
        yield list(zip(*rows, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Which columns mean what, by their place; `empty` are left out, as they hold one value only."""

    label: int
    user: int | None
    time: int | None
    numeric: tuple[int, ...]
    categorical: tuple[int, ...]
    empty: tuple[int, ...]


def _lay_out(table: Table, columns: Sequence[Column], named: Mapping[str, str]) -> _Layout:
    label, user, time = (_find(table, meaning, named) for meaning in GUESSES)
    if label is None:
        raise DataError(
            f"{table.path}: no column for label; expected one of {', '.join(GUESSES['label'])}; "
            f"the header has {', '.join(table.header)[:200]}",
            fix="name it: --columns label=<column>",
        )
    listed = {meaning: _listed(table, meaning, named) for meaning in LISTED}
    features = [p for p in range(len(columns)) if p not in {label, user, time} | listed["ignore"]]
    told = [p for p in features if not columns[p].is_empty]
    if not told and user is None:
        raise DataError(f"{table.path}: no column is left as a feature", fix="give columns beside the label")
    numeric = {p for p in told if columns[p].holds_numbers} - listed["categorical"] | listed["numeric"]
    return _Layout(
        label=label,
        user=user,
        time=time,
        numeric=tuple(p for p in told if p in numeric),
        categorical=tuple(p for p in told if p not in numeric),
        empty=tuple(p for p in features if columns[p].is_empty),
    )


def _read_headed(tables: Sequence[Table], named: Mapping[str, str], name: str) -> Impressions:
    _require_one_header(tables)
    columns, sizes = _gathered(tables)
    layout = _lay_out(tables[0], columns, named)
    wanted = "0 or 1 as label"
    try:
        labels = columns[layout.label].labels()
        wanted = "a number"
        numbers = tuple(columns[place].number() for place in layout.numeric)
        wanted = "a timestamp: a number or an ISO 8601 date"
        times, time_notes = _times(columns[layout.time]) if layout.time is not None else (None, ())
    except Refused as error:
        table, row = _where(tables, sizes, error.row)
        raise DataError(
            f"{table.path}, line {table.line(row)}: expected {wanted}, found {error.text!r}",
            fix="mend that line, or say what the columns are: "
            "--columns label=<column>,timestamp=<column>,categorical=<column>+<column>",
        ) from None
    return Impressions(
        name=name,
        labels=labels,
        numbers=numbers,
        categories=tuple(columns[place].category() for place in layout.categorical),
        users=columns[layout.user].category() if layout.user is not None else None,
        timestamps=times,
        given=np.repeat(np.arange(len(tables), dtype=np.int8), sizes) if len(tables) > 1 else None,
        notes=(*_column_notes(columns, layout), *time_notes),
        source_digest=source_digest(columns),
    )


def _require_one_header(tables: Sequence[Table]) -> None:
    for table in tables[1:]:
        if table.header != tables[0].header:
            raise DataError(
                f"{table.path}: its header differs from that of {tables[0].path.name}",
                fix="give files with the same columns in the same order",
            )


def _column_notes(columns: Sequence[Column], layout: _Layout) -> Iterator[str]:
    def names(places: tuple[int, ...]) -> str:
        return ", ".join(columns[place].name for place in places) or "none"

    yield f"read as numbers: {names(layout.numeric)}; as categories: {names(layout.categorical)}"
    if layout.empty:
        yield f"left out, as they hold one value: {names(layout.empty)}"


def _gathered(tables: Sequence[Table]) -> tuple[list[Column], list[int]]:
    """All columns, and the number of rows of each table."""
    columns, sizes = [Column(name) for name in tables[0].header], []
    for table in tables:
        size = 0
        for _, chunk in table.chunks():
            size += len(chunk[0])
            for column, texts in zip(columns, chunk, strict=True):
                column.add(texts)
        if not size:
            raise DataError(f"{table.path}: no rows after the header", fix="give a file with rows in it")
        sizes.append(size)
    return columns, sizes


def _times(column: Column) -> tuple[Int64s, tuple[str, ...]]:
    """Seconds, from whatever unit or date the column holds."""
    try:
        clock = timestamps.clock_of(column.texts[0])
    except ValueError:
        raise Refused(0, column.texts[0]) from None
    parsed = column.times(partial(timestamps.parse, clock=clock))  # type: ignore[arg-type]
    times = timestamps.join([parsed], clock)
    return times.ticks // times.per_second, times.notes


def _where(tables: Sequence[Table], sizes: Sequence[int], row: int) -> tuple[Table, int]:
    for table, size in zip(tables, sizes, strict=True):
        if row < size:
            return table, row
        row -= size
    raise ValueError(f"row {row} is in no table")


def _find(table: Table, meaning: str, named: Mapping[str, str]) -> int | None:
    """The column of a meaning: as it was named, or guessed by its name; None where there is none."""
    if meaning in named:
        return _place(table, named[meaning], meaning)
    names = [name.split(":")[0].strip().lower() for name in table.header]
    return next((names.index(alias) for alias in GUESSES[meaning] if alias in names), None)


def _listed(table: Table, meaning: str, named: Mapping[str, str]) -> set[int]:
    names = [name.strip() for name in named.get(meaning, "").split(BETWEEN_NAMES)]
    return {_place(table, name, meaning) for name in names if name}


def _place(table: Table, name: str, meaning: str) -> int:
    names = [field.split(":")[0] for field in table.header]
    for found in (table.header, names):
        if name in found:
            return list(found).index(name)
    close = difflib.get_close_matches(name, names, n=1)
    raise DataError(
        f"{table.path}: no column {name!r} for {meaning}; the header has {', '.join(names)[:200]}",
        fix=f"did you mean {close[0]!r}?" if close else "name one of the columns of the header",
    )
