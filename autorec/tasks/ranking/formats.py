"""What a path holds: headed text or Parquet, given train, valid and test files, or the Criteo layout.

The Criteo layout has no header: a label of 0 or 1, 13 columns of numbers, 26 of categories, empty where missing. Its
rows stand in the order of time. As text it is parted by tabs; in Parquet its columns have no names but their numbers.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from autorec.domain.errors import DataError
from autorec.tasks import parquet
from autorec.tasks.datasets import GIVEN_FILES
from autorec.tasks.delimited import Dialect, Table, open_table
from autorec.tasks.files import is_folder
from autorec.tasks.formats import given_file, holds_given
from autorec.tasks.parquet import ParquetTable
from autorec.tasks.ranking.layout import Layout

CRITEO_NUMBERS, CRITEO_CATEGORIES = 13, 26
CRITEO_NAMES = (
    "label",
    *(f"I{i + 1}" for i in range(CRITEO_NUMBERS)),
    *(f"C{i + 1}" for i in range(CRITEO_CATEGORIES)),
)
CRITEO_LAYOUT = Layout(
    label=0,
    numeric=tuple(range(1, 1 + CRITEO_NUMBERS)),
    categorical=tuple(range(1 + CRITEO_NUMBERS, len(CRITEO_NAMES))),
)
CRITEO_TEXT = Dialect("\t", quoted=False)
TEXT_SUFFIXES = (".txt", ".csv", ".tsv", ".txt.gz", ".csv.gz", ".tsv.gz")
NUMBERED = re.compile(r"(?P<stem>\D*)0*(?P<number>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Opened tables of rows with the same columns (several where they are given train, valid and test)."""

    name: str
    tables: tuple[Table, ...] | tuple[ParquetTable, ...]
    is_criteo: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The header; names of its own where the layout has none."""
        return CRITEO_NAMES if self.is_criteo else self.tables[0].header


def recognise(path: Path, named: Collection[str] = ()) -> Source:
    """What the path holds; where columns are `named`, those of Parquet keep their names.

    Raises DataError where it is none of these, or is one and broken.
    """
    tables = _in_folder(path) if is_folder(path) else (_opened(path),)
    name = path.resolve().name if is_folder(path) else _stem(path)
    if len(tables) == 1 and (criteo := _criteo(tables[0], named)):
        return Source(name=_stem(criteo.path), tables=(criteo,), is_criteo=True)  # type: ignore[arg-type]
    _require_one_header(tables)
    return Source(name=name, tables=tables)  # type: ignore[arg-type]


def _in_folder(folder: Path) -> tuple[Table | ParquetTable, ...]:
    texts = sorted(file for file in folder.iterdir() if file.name.endswith(TEXT_SUFFIXES) and file.is_file())
    if len(texts) == 1:
        return (_opened(texts[0]),)
    if holds_given(folder):
        tables = tuple(_opened(given_file(folder, name)) for name in GIVEN_FILES)
        if len(set(map(type, tables))) > 1:
            names = ", ".join(table.path.name for table in tables)
            raise DataError(
                f"{folder}: expected Parquet throughout, or text throughout; found {names}", fix="convert one"
            )
        return tables
    if files := parquet.part_files(folder):
        return (parquet.open_parquet(folder, files),)
    raise DataError(
        f"{folder}: no single text file, no train file and no Parquet",
        fix="give a folder with one CSV, TSV or Criteo file, with train, valid and test files, or with Parquet parts",
    )


def _opened(path: Path) -> Table | ParquetTable:
    if parquet.is_parquet(path):
        return parquet.open_parquet(path)
    if path.suffix == ".parquet":
        raise DataError(f"{path}: expected Parquet, as the name says; its first bytes are none", fix="write it again")
    return open_table(path)


def _criteo(table: Table | ParquetTable, named: Collection[str]) -> Table | ParquetTable | None:
    """The table as one of the Criteo layout, where it has that."""
    if len(table.header) != len(CRITEO_NAMES):
        return None
    if isinstance(table, ParquetTable):
        return table if _are_numbered(table.header) and not named else None
    if table.dialect.delimiter != "\t" or table.header[0] not in ("0", "1"):
        return None
    if named:
        raise DataError(f"{table.path}: the Criteo layout has no column names", fix="leave --columns out")
    return Table(path=table.path, dialect=CRITEO_TEXT, header=CRITEO_NAMES, headed=False)


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether names are numbers in order, all after the same text: `0`, `1` or `column01`, `column02`."""
    found = [NUMBERED.fullmatch(name) for name in names]
    numbers = [int(match["number"]) for match in found if match]
    stems = {match["stem"] for match in found if match}
    return len(stems) == 1 and numbers in ([*range(len(names))], [*range(1, 1 + len(names))])


def _require_one_header(tables: Sequence[Table | ParquetTable]) -> None:
    for table in tables[1:]:
        if table.header != tables[0].header:
            raise DataError(
                f"{table.path}: its header differs from that of {tables[0].path.name}",
                fix="give files with the same columns in the same order",
            )


def _stem(path: Path) -> str:
    return path.with_suffix("").stem if path.suffix == ".gz" else path.stem
