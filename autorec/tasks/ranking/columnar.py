"""Rows at size through duckdb: Parquet, and text, which is first written again as Parquet, a column of text each.

A column (`stored_column`) is asked for when it is wanted and not before, so memory holds what is kept of the rows, and
one column. Where the text cannot be told into fields as the csv module tells it, `stored` declines.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autorec.tasks.columnar_text import Declined, is_plain, text_sql
from autorec.tasks.delimited import Table
from autorec.tasks.parquet import (
    MOMENTS,
    TEXT,
    ParquetTable,
    connection,
    explained,
    family,
    literal,
    path_literal,
)
from autorec.tasks.ranking.columns import Raw
from autorec.tasks.ranking.stored_column import NUMBERS, StoredColumn

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

READABLE = (*NUMBERS, *TEXT, *MOMENTS, "BOOLEAN", "TIME")


@contextmanager
def stored(tables: Sequence[Table | ParquetTable], names: Sequence[str]) -> Iterator[Raw]:
    """The columns of tables with the same columns, one table after the other, for as long as the context lasts.

    Raises Declined where text is left to the small reader, DataError for Parquet that cannot be read.
    """
    with connection() as con:
        texts = [table for table in tables if isinstance(table, Table)]
        if texts:
            files, sizes, types = _written_again(con, texts)
            yield _stored(con, files, sizes, names, [f"c{place}" for place in range(len(names))], types)
            return
        typed = [table for table in tables if isinstance(table, ParquetTable)]
        with explained(typed[0].path):
            files = [file for table in typed for file in table.files]
            sizes = [_count(con, table.files) for table in typed]
            yield _stored(con, files, sizes, names, typed[0].header, typed[0].types)


def _written_again(con: "DuckDBPyConnection", tables: Sequence[Table]) -> tuple[list[Path], list[int], list[str]]:
    import duckdb

    (folder,) = con.execute("SELECT current_setting('temp_directory')").fetchall()[0]
    files = [Path(folder) / f"{number}.parquet" for number in range(len(tables))]
    for table, file in zip(tables, files, strict=True):
        if not is_plain(table):
            raise Declined
        try:
            con.execute(f"COPY (SELECT * FROM {text_sql(table)}) TO {literal(str(file))} (FORMAT parquet)")
        except duckdb.Error as error:
            raise Declined from error
        if table.dialect.quoted and _is_padded(con, file, len(table.header)):
            raise Declined
    return files, [_count(con, [file]) for file in files], ["VARCHAR"] * len(tables[0].header)


def _is_padded(con: "DuckDBPyConnection", file: Path, width: int) -> bool:
    """Whether a value begins with a blank, which the csv module drops unless it is quoted."""
    tests = " OR ".join(f"starts_with(c{place}, ' ')" for place in range(width))
    found = con.execute(f"SELECT 1 FROM read_parquet({path_literal(file)}) WHERE {tests} LIMIT 1").fetchall()
    return bool(found)


def _count(con: "DuckDBPyConnection", files: Sequence[Path]) -> int:
    names = ", ".join(map(path_literal, files))
    found: int = con.execute(f"SELECT count(*) FROM read_parquet([{names}])").fetchall()[0][0]
    return found


def _stored(
    con: "DuckDBPyConnection",
    files: Sequence[Path],
    sizes: Sequence[int],
    names: Sequence[str],
    fields: Sequence[str],
    types: Sequence[str],
) -> Raw:
    firsts = np.cumsum([0, *(_count(con, [file]) for file in files)]).tolist()
    places = list(zip(files, firsts, strict=False))
    columns = tuple(
        StoredColumn(con, places, sum(sizes), name, field, kind)
        for name, field, kind in zip(names, fields, types, strict=True)
    )
    unreadable = tuple(place for place, kind in enumerate(types) if family(kind) not in READABLE)
    return Raw(columns=columns, sizes=sizes, unreadable=unreadable)
