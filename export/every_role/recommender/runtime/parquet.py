"""Parquet files as rows of texts, for whoever has duckdb; values are spelled as they were in training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recommender.runtime.refusal import Refusal

MAGIC = b"PAR1"
REAL = ("FLOAT", "DOUBLE", "DECIMAL")
ROWS_AT_ONCE = 2_000
INSTALL = "pip install duckdb, or convert it to CSV in UTF-8"


def is_parquet(file: Path) -> bool:
    """Whether a file begins as Parquet does. Raises OSError."""
    with file.open("rb") as content:
        return content.read(len(MAGIC)) == MAGIC


def parts(files: Sequence[Path]) -> Iterator[Path]:
    """The files; of a folder, the Parquet files in and below it, without those that programs hide."""
    for file in files:
        if file.is_dir():
            yield from sorted(part for part in file.rglob("*.parquet") if not part.name.startswith(("_", ".")))
        else:
            yield file


class Rows:
    """The names of the columns, then the texts of each row, whose number is `line_num`; nothing is an empty text."""

    def __init__(self, found: Any, names: list[str]) -> None:
        self.line_num = -1
        self._rows = self._all(found, names)

    def __iter__(self) -> "Rows":
        return self

    def __next__(self) -> list[str]:
        row = next(self._rows)
        self.line_num += 1
        return row

    def _all(self, found: Any, names: list[str]) -> Iterator[list[str]]:
        yield names
        while rows := found.fetchmany(ROWS_AT_ONCE):
            yield from map(list, rows)


@contextmanager
def parquet_rows(file: Path) -> Iterator[Rows]:
    """The rows in their order. Raises Refusal where duckdb is not there, or cannot read the file."""
    try:
        import duckdb
    except ImportError:
        raise Refusal(
            f"{file} is Parquet, which is read with duckdb, and that is not installed here", INSTALL
        ) from None
    try:
        with duckdb.connect(config={"autoload_known_extensions": False}) as con:
            source = f"read_parquet('{_escaped(file)}', hive_partitioning=false)"
            columns = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
            selected = ", ".join(_text(name, kind) for name, kind, *_ in columns)
            yield Rows(con.execute(f"SELECT {selected} FROM {source}"), [name for name, *_ in columns])
    except duckdb.Error as error:
        raise Refusal(f"{file}: {str(error).splitlines()[0]}", INSTALL) from None


def _escaped(file: Path) -> str:
    """The path as duckdb takes it, which reads *, ? and [ as patterns."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(file)).replace("'", "''")


def _text(name: str, kind: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    if kind.partition("(")[0] in REAL:
        column = f"CAST({column} AS DOUBLE)"
    return f"coalesce(CAST({column} AS VARCHAR), '')"
