"""What says that data is for ranking, told from the configuration and from the beginning of the data."""

from collections.abc import Collection
from pathlib import Path

from autorec.domain.errors import DataError
from autorec.schemas.config import SearchConfig
from autorec.tasks import parquet
from autorec.tasks.delimited import CHUNK_ROWS, Table
from autorec.tasks.parquet import ParquetTable
from autorec.tasks.ranking.columns import label_of
from autorec.tasks.ranking.formats import CRITEO_NAMES, recognise
from autorec.tasks.ranking.layout import LISTED, find
from autorec.tasks.roles import SELECTING

OWN = ("label", *LISTED)
"""What only ranking calls a column."""


def sign(config: SearchConfig) -> str | None:
    """Why the configured data is of rows to rank, in words; None where nothing says so, or it cannot be read.

    Rows filtered by value, or features joined, are asked of a log: who does knows what a row means.
    """
    named = [meaning for meaning in OWN if meaning in config.columns]
    if named:
        return f"--columns names its {named[0]}"
    if config.data is None or any(getattr(config, name) is not None for name in SELECTING):
        return None
    try:
        return _sign_of_rows(config.data, config.columns.values())
    except DataError:
        return None  # whoever reads it says what is wrong


def _sign_of_rows(path: Path, named: Collection[str]) -> str | None:
    """A label by its name and by its first values, unless the user has `named` that column otherwise."""
    source = recognise(path)
    if source.is_criteo:
        return f"it has the Criteo layout, {len(CRITEO_NAMES)} columns without a header, the first of them 0 or 1"
    table = source.tables[0]
    place = find(table, "label", {})
    if place is None or table.header[place] in named:
        return None
    texts = set(_beginning(table, place))
    try:
        both = {label_of(text) for text in texts} == {True, False}
    except ValueError:
        return None
    return f"its column {table.header[place]!r} holds 0 and 1 alone" if both else None


def _beginning(table: Table | ParquetTable, place: int) -> list[str]:
    """The first values of a column, as text."""
    if isinstance(table, Table):
        return list(next((columns[place] for _, columns in table.chunks()), ()))
    cell = f"CAST({parquet.quoted(table.header[place])} AS VARCHAR)"
    with parquet.connection() as con, parquet.explained(table.path):
        rows = con.execute(f"SELECT coalesce({cell}, '') FROM {table.sql} LIMIT {CHUNK_ROWS}").fetchall()
    return [text for (text,) in rows]
