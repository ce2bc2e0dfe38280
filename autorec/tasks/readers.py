"""Read an interaction log, whatever its format: CSV or TSV, RecBole's atomic files, or given train/valid/test files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autorec.domain.errors import DataError
from autorec.tasks import timestamps
from autorec.tasks.atomic import interactions_file, open_atomic, read_features
from autorec.tasks.canonical import Log, Numbering, assemble
from autorec.tasks.datasets import GIVEN_FILES, Dataset, Feature, Float32s, Float64s, Int32s, Int64s
from autorec.tasks.delimited import Columns, Table, find_columns, open_table

GIVEN_NAMES: Mapping[str, tuple[str, ...]] = {
    "train": ("train",),
    "valid": ("valid", "validation", "val"),
    "test": ("test",),
}
TEXT_SUFFIXES = (".csv", ".tsv")


def load(path: Path | str, *, columns: Mapping[str, str] | None = None) -> Dataset:
    """Read a log: a CSV or TSV file, a `.inter` file or a folder that holds one, or a folder of given files.

    `columns` maps user, item, timestamp, value to column names, where the usual names do not fit; an empty name says
    that there is no such column. Every item of the files is in the catalogue, every row an interaction.
    Raises DataError with the file, the line and what to do next.
    """
    path, columns = Path(path), columns or {}
    if path.is_dir():
        interactions = interactions_file(path)
        return _load_atomic(interactions, columns) if interactions else _load_given(path, columns)
    if path.suffix == ".inter":
        return _load_atomic(path, columns)
    return assemble(_read([open_table(path)], columns), name=path.stem)


def _load_atomic(path: Path, columns: Mapping[str, str]) -> Dataset:
    log = _read([open_atomic(path)], {role: _with_type(path, name) for role, name in columns.items()})
    features: list[Feature] = []
    notes = log.notes
    for side, ids in (("user", log.user_ids), ("item", log.item_ids)):
        found, said = read_features(path, side, sorted(ids))  # type: ignore[arg-type]
        features, notes = [*features, *found], (*notes, *said)
    return assemble(replace(log, notes=notes), name=path.stem, features=features)


def _with_type(path: Path, name: str) -> str:
    """The header field of a column named without its type."""
    return next((f for f in open_atomic(path).header if f.split(":")[0] == name), name)


def _load_given(folder: Path, columns: Mapping[str, str]) -> Dataset:
    paths = [_given_file(folder, name) for name in GIVEN_FILES]
    tables = [open_table(path) for path in paths]
    sizes = [0] * len(tables)
    log = _read(tables, columns, sizes)
    given = np.repeat(np.arange(len(tables), dtype=np.int8), sizes)
    return assemble(replace(log, given=given), name=folder.resolve().name)


def _given_file(folder: Path, name: str) -> Path:
    candidates = [folder / f"{alias}{suffix}" for alias in GIVEN_NAMES[name] for suffix in TEXT_SUFFIXES]
    found = [path for path in candidates if path.is_file()]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found)
        raise DataError(f"{folder}: expected one {name} file, found {names}", fix="keep one of them")
    raise DataError(
        f"{folder}: no {name}.csv, and no .inter file",
        fix="give a CSV or TSV file, a folder with train.csv, valid.csv and test.csv, or a folder of RecBole's files",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Columns gathered so far, in chunks."""

    users: list[Int32s] = field(default_factory=list)
    items: list[Int32s] = field(default_factory=list)
    times: list[Int64s | Float64s] = field(default_factory=list)
    values: list[Float32s] = field(default_factory=list)


def _read(tables: Sequence[Table], columns: Mapping[str, str], sizes: list[int] | None = None) -> Log:
    """The rows of all tables one after the other; `sizes` receives how many each has."""
    rows, users, items = _Rows(), Numbering(), Numbering()
    clock: timestamps.Clock | None = None
    shared = _shared_roles(tables, columns)
    for number, table in enumerate(tables):
        positions = {role: i for role, i in find_columns(table, columns).items() if role in shared}
        n_before = sum(map(len, rows.users))
        for first, chunk in table.chunks():
            if clock is None and "timestamp" in positions:
                clock = _clock(table, chunk[positions["timestamp"]][0])
            _gather(rows, table, first, chunk, positions, users, items, clock)
        if (n_rows := sum(map(len, rows.users)) - n_before) == 0:
            raise DataError(f"{table.path}: no rows after the header", fix="give a file with one interaction a line")
        if sizes is not None:
            sizes[number] = n_rows
    return _joined(rows, users, items, clock)


def _shared_roles(tables: Sequence[Table], columns: Mapping[str, str]) -> set[str]:
    """Roles that every table has a column for."""
    return set.intersection(*(set(find_columns(table, columns)) for table in tables))


def _clock(table: Table, text: str) -> timestamps.Clock:
    return table.parse(lambda texts: timestamps.clock_of(texts[0]), (text,), 0, "a timestamp (a number or an ISO date)")


def _gather(
    rows: _Rows,
    table: Table,
    first: int,
    chunk: Columns,
    positions: Mapping[str, int],
    users: Numbering,
    items: Numbering,
    clock: timestamps.Clock | None,
) -> None:
    for role, numbering, codes in (("user", users, rows.users), ("item", items, rows.items)):
        raw = chunk[positions[role]]
        table.parse(_require_ids, raw, first, f"the id of a {role}")
        codes.append(numbering.encode(raw))
    if clock is not None:
        parse = partial(timestamps.parse, clock=clock)
        rows.times.append(table.parse(parse, chunk[positions["timestamp"]], first, f"a timestamp ({clock.value})"))
    if "value" in positions:
        rows.values.append(table.parse(_numbers, chunk[positions["value"]], first, "a finite number as value"))


def _require_ids(texts: Sequence[str]) -> None:
    if "" in texts:
        raise ValueError("empty id")


def _numbers(texts: Sequence[str]) -> Float32s:
    numbers: npt.NDArray[np.float64] = np.array(list(map(float, texts)), dtype=np.float64)
    if not np.all(np.abs(numbers) <= np.finfo(np.float32).max):
        raise ValueError("not finite in float32")
    return numbers.astype(np.float32)


def _joined(rows: _Rows, users: Numbering, items: Numbering, clock: timestamps.Clock | None) -> Log:
    times = timestamps.join(rows.times, clock) if clock is not None else None
    return Log(
        user_ids=users.ids,
        item_ids=items.ids,
        users=np.concatenate(rows.users),
        items=np.concatenate(rows.items),
        times=None if times is None else times.ticks,
        per_second=1 if times is None else times.per_second,
        values=np.concatenate(rows.values) if rows.values else None,
        notes=() if times is None else times.notes,
    )
