"""Parquet through duckdb: one file or a folder of part files, opened as a table with typed columns."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autorec.domain.errors import DataError
from autorec.tasks.datasets import Side
from autorec.tasks.features import Column, FeatureTable, Kind
from autorec.tasks.files import PARQUET, read_head
from autorec.tasks.timestamps import MICROS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
HUGE = ("UBIGINT", "HUGEINT", "UHUGEINT")
REAL = ("FLOAT", "DOUBLE", "DECIMAL")
TEXT = ("VARCHAR", "UUID", "ENUM")
MOMENTS: Mapping[str, tuple[str, int]] = {
    "DATE": ("epoch_us", MICROS),
    "TIMESTAMP": ("epoch_us", MICROS),
    "TIMESTAMP_S": ("epoch_us", MICROS),
    "TIMESTAMP_MS": ("epoch_us", MICROS),
    "TIMESTAMP WITH TIME ZONE": ("epoch_us", MICROS),
    "TIMESTAMP_NS": ("epoch_ns", 1_000_000_000),
}
"""How a moment becomes an integer, and how many of them are a second."""
HIDDEN = ("_", ".")
INSTALL = "pip install 'autorec[data]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetTable:
    """Parquet files with the same columns; `types` are duckdb's names for those of `header`."""

    path: Path
    files: tuple[Path, ...]
    header: tuple[str, ...]
    types: tuple[str, ...]

    @property
    def sql(self) -> str:
        """What to select from."""
        return _files_sql(self.files)


def part_files(folder: Path) -> tuple[Path, ...]:
    """The Parquet files in and below a folder, without those that programs hide from readers."""
    found = (path for path in folder.rglob("*.parquet") if path.is_file())
    return tuple(sorted(path for path in found if not path.name.startswith(HIDDEN)))


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does."""
    return read_head(path).startswith(PARQUET)


def open_parquet(path: Path, files: Sequence[Path] = ()) -> ParquetTable:
    """Read names and types of the columns. Raises DataError where it is no Parquet, or its files differ."""
    files = tuple(files) or (path,)
    with connection() as con, explained(path):
        described = con.execute(f"DESCRIBE SELECT * FROM {_files_sql(files)}").fetchall()
    return ParquetTable(
        path=path, files=files, header=tuple(row[0] for row in described), types=tuple(row[1] for row in described)
    )


def family(kind: str) -> str:
    """The name of a type without its parameters: DECIMAL for DECIMAL(18,3); LIST and STRUCT for what nests."""
    if kind.endswith("]"):
        return "LIST"
    return kind.partition("(")[0]


def read_features(path: Path, side: Side, key: str) -> FeatureTable:
    """Features from a Parquet file: numbers, texts, lists of texts or whole numbers; other columns are noted."""
    table = open_parquet(path)
    kinds = {name: _kind(kind) for name, kind in zip(table.header, table.types, strict=True) if name != key}
    usable = [name for name, kind in kinds.items() if kind]
    selected = ", ".join([f"CAST({quoted(key)} AS VARCHAR)", *(_cell(name, kinds[name]) for name in usable)])
    with connection() as con, explained(path):
        rows = con.execute(f"SELECT {selected} FROM {table.sql} WHERE {quoted(key)} IS NOT NULL").fetchall()
    if not rows:
        raise DataError(f"{path}: no rows with an id in {key}", fix="remove the file or fill it")
    keys, *cells = zip(*rows, strict=True)
    columns = (Column(name=n, kind=k, cells=c) for n, c in zip(usable, cells, strict=True) if (k := kinds[n]))
    left = [name for name, kind in kinds.items() if kind is None]
    notes = (f"{path.name}: columns of other types are not read ({', '.join(left)})",) if left else ()
    return FeatureTable(side=side, name=path.name, keys=keys, columns=tuple(columns), notes=notes)


def _kind(kind: str) -> Kind | None:
    if family(kind) in (*WHOLE, *HUGE, *REAL):
        return "float"
    if family(kind) in (*TEXT, "BOOLEAN"):
        return "token"
    inner = kind.removesuffix("[]")
    if inner != kind and family(inner) in (*TEXT, *WHOLE):
        return "token_seq"
    return "float_seq" if inner != kind and family(inner) in REAL else None


def _cell(name: str, kind: Kind | None) -> str:
    if kind == "float":
        return f"coalesce(CAST({quoted(name)} AS DOUBLE), CAST('nan' AS DOUBLE))"
    if kind == "token_seq":
        return f"coalesce(CAST({quoted(name)} AS VARCHAR[]), [])"
    return f"coalesce(CAST({quoted(name)} AS VARCHAR), '')"


@contextmanager
def connection() -> "Iterator[DuckDBPyConnection]":
    """A database of its own, in memory. Raises DataError where duckdb is not installed."""
    try:
        import duckdb
    except ImportError as error:
        raise DataError("Parquet is read with duckdb, which is not installed here", fix=INSTALL) from error
    with (
        tempfile.TemporaryDirectory(prefix="autorec-") as spill,
        duckdb.connect(config={"temp_directory": spill, "autoload_known_extensions": False}) as con,
    ):
        yield con


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What duckdb cannot read raises DataError that names the path."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        said = " ".join(str(error).split("\n")[0].split())[:200]
        raise DataError(
            f"{path}: expected Parquet that can be read; {said}", fix="write the file again, or convert it to CSV"
        ) from error


def quoted(name: str) -> str:
    """A column name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def path_literal(path: Path) -> str:
    """A path for SQL, where stars and brackets would otherwise stand for other files."""
    return literal("".join(f"[{c}]" if c in "*?[" else c for c in str(path.absolute())))


def _files_sql(files: Sequence[Path]) -> str:
    names = ", ".join(map(path_literal, files))
    return f"read_parquet([{names}], hive_partitioning=false, union_by_name=false)"
