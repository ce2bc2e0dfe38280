"""Read an interaction log, whatever its format: CSV or TSV, RecBole's atomic files, or given train/valid/test files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from autorec.domain.errors import DataError
from autorec.tasks import timestamps
from autorec.tasks.atomic import interactions_file, open_atomic, read_features
from autorec.tasks.canonical import Log, Numbering, assemble
from autorec.tasks.datasets import GIVEN_FILES, Dataset, Float32s, Float64s, Int8s, Int32s, Int64s
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
    if _is_folder(path):
        interactions = interactions_file(path)
        return _load_atomic(interactions, columns) if interactions else _load_given(path, columns)
    if path.suffix == ".inter":
        return _load_atomic(path, columns)
    return assemble(_Gatherer([open_table(path)], columns).read(), name=path.stem)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", fix="check the path of the data") from error


def _load_atomic(path: Path, columns: Mapping[str, str]) -> Dataset:
    table = open_atomic(path)
    log = _Gatherer([table], {role: _with_type(table, name) for role, name in columns.items()}).read()
    of_users, user_notes = read_features(path, "user", sorted(log.user_ids))
    of_items, item_notes = read_features(path, "item", sorted(log.item_ids))
    log = replace(log, notes=(*log.notes, *user_notes, *item_notes))
    return assemble(log, name=path.stem, features=[*of_users, *of_items])


def _with_type(table: Table, name: str) -> str:
    """The header field of a column named without its type."""
    return next((field for field in table.header if field.split(":")[0] == name), name)


def _load_given(folder: Path, columns: Mapping[str, str]) -> Dataset:
    paths = [_given_file(folder, name) for name in GIVEN_FILES]
    log = _Gatherer([open_table(path) for path in paths], columns).read()
    return assemble(log, name=folder.resolve().name)


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


class _Gatherer:
    """Rows of one or several tables, one after the other; roles that not every table has are left out."""

    def __init__(self, tables: Sequence[Table], columns: Mapping[str, str]) -> None:
        self.tables = tables
        self.positions = [find_columns(table, columns) for table in tables]
        self.roles = set.intersection(*map(set, self.positions))
        self.clock: timestamps.Clock | None = None
        self.users, self.items = Numbering(), Numbering()
        self.user_codes: list[Int32s] = []
        self.item_codes: list[Int32s] = []
        self.times: list[Int64s | Float64s] = []
        self.values: list[Float32s] = []
        self.given: list[Int8s] = []

    def read(self) -> Log:
        for number, table in enumerate(self.tables):
            n_chunks = len(self.given)
            for first, chunk in table.chunks():
                self._take(number, first, chunk)
            if len(self.given) == n_chunks:
                raise DataError(f"{table.path}: no rows after the header", fix="give a file with interactions in it")
        return self._log()

    def _take(self, number: int, first: int, chunk: Columns) -> None:
        table, positions = self.tables[number], self.positions[number]
        self.given.append(np.full(len(chunk[0]), number, dtype=np.int8))
        for role, numbering, codes in (
            ("user", self.users, self.user_codes),
            ("item", self.items, self.item_codes),
        ):
            raw = chunk[positions[role]]
            table.parse(_require_ids, raw, first, f"the id of {role}")
            codes.append(numbering.encode(raw))
        if "timestamp" in self.roles:
            self.times.append(self._times(table, chunk[positions["timestamp"]], first))
        if "value" in self.roles:
            self.values.append(table.parse(_numbers, chunk[positions["value"]], first, "a finite number as value"))

    def _times(self, table: Table, texts: Sequence[str], first: int) -> Int64s | Float64s:
        if self.clock is None:
            self.clock = table.parse(_clock, texts[:1], first, "a timestamp: a number or an ISO 8601 date")
        parse = partial(timestamps.parse, clock=self.clock)
        return table.parse(parse, texts, first, f"a timestamp, as in the first row {self.clock.value}")

    def _log(self) -> Log:
        times = timestamps.join(self.times, self.clock) if self.clock is not None else None
        return Log(
            user_ids=self.users.ids,
            item_ids=self.items.ids,
            users=np.concatenate(self.user_codes),
            items=np.concatenate(self.item_codes),
            times=None if times is None else times.ticks,
            per_second=1 if times is None else times.per_second,
            values=np.concatenate(self.values) if self.values else None,
            given=np.concatenate(self.given) if len(self.tables) > 1 else None,
            notes=() if times is None else times.notes,
        )


def _clock(texts: Sequence[str]) -> timestamps.Clock:
    return timestamps.clock_of(texts[0])


def _require_ids(texts: Sequence[str]) -> None:
    if "" in texts:
        raise ValueError("empty id")


def _numbers(texts: Sequence[str]) -> Float32s:
    numbers = np.array(list(map(float, texts)), dtype=np.float64)
    if not np.all(np.abs(numbers) <= np.finfo(np.float32).max):
        raise ValueError("not finite in float32")
    return numbers.astype(np.float32)
