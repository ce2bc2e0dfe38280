"""Logs at size through duckdb: Parquet, and delimited text that is too long for a loop over its rows.

duckdb decodes and numbers; order, duplicates and digest are left to `canonical`, so a log is the same data set
whichever way it was read. Text is taken only where every cell is spelled as programs usually spell it; where one is
not, `read` declines, and the plain reader takes the file, or finds the line that is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autorec.domain.errors import DataError
from autorec.tasks import timestamps
from autorec.tasks.canonical import Log
from autorec.tasks.columnar_text import SPELLINGS, Declined, is_plain, text_sql
from autorec.tasks.datasets import Bools, Float32s, Int32s, Int64s, sorted_unique
from autorec.tasks.delimited import Table
from autorec.tasks.parquet import (
    HUGE,
    MOMENTS,
    REAL,
    TEXT,
    WHOLE,
    ParquetTable,
    connection,
    explained,
    family,
    literal,
    quoted,
)
from autorec.tasks.timestamps import Clock

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Array = npt.NDArray[Any]

DENSE = 4
"""A table of all integers between the smallest and the largest is used up to this many times the rows."""


@dataclass(frozen=True, slots=True)
class _Relation:
    """The view `log`: a column a role, and `given`, the number of the table. `types` and `spelled` are by role."""

    con: "DuckDBPyConnection"
    tables: Sequence[Table | ParquetTable]
    types: Mapping[str, str]
    spelled: Mapping[str, frozenset[str]]

    @property
    def is_text(self) -> bool:
        return isinstance(self.tables[0], Table)


def read(tables: Sequence[Table | ParquetTable], positions: Sequence[Mapping[str, int]]) -> Log | None:
    """The rows of tables that are all Parquet or all text, one after the other; None where it declines.

    `positions` says for each table which column plays which role. Raises DataError for Parquet that will not do.
    """
    import duckdb

    if isinstance(tables[0], Table):
        if not all(is_plain(table) for table in tables if isinstance(table, Table)):
            return None
        try:
            with connection() as con:
                return _read(con, tables, positions)
        except (duckdb.Error, Declined):
            return None
    with connection() as con, explained(tables[0].path):
        return _read(con, tables, positions)


def _read(
    con: "DuckDBPyConnection", tables: Sequence[Table | ParquetTable], positions: Sequence[Mapping[str, int]]
) -> Log:
    relation = _open(con, tables, positions)
    chosen = {role: _select(relation, role) for role in relation.types}
    selected = ", ".join(f"{sql} AS {quoted(role)}" for role, sql in chosen.items())
    found: dict[str, Array] = con.execute(f"SELECT {selected}, given FROM log").fetchnumpy()
    given = found["given"]
    _require_rows(relation, given)
    for role in relation.types:
        _require(relation, role, np.ma.getmaskarray(found[role]) if np.ma.isMA(found[role]) else None, given)
    ids, codes = zip(*(_numbered(relation, role, found.pop(role)) for role in ("user", "item")), strict=True)
    times = _times(relation, found.pop("timestamp"), given) if "timestamp" in found else None
    return Log(
        user_ids=ids[0],
        item_ids=ids[1],
        users=codes[0],
        items=codes[1],
        times=None if times is None else times.ticks,
        per_second=1 if times is None else times.per_second,
        values=_values(relation, found.pop("value"), given) if "value" in found else None,
        given=given if len(tables) > 1 else None,
        notes=() if times is None else times.notes,
    )


def _open(
    con: "DuckDBPyConnection", tables: Sequence[Table | ParquetTable], positions: Sequence[Mapping[str, int]]
) -> _Relation:
    roles = [role for role in positions[0] if all(role in own for own in positions)]
    parts = (
        f"SELECT {_columns(table, own, roles)}, CAST({number} AS TINYINT) AS given FROM {_source(table)}"
        for number, (table, own) in enumerate(zip(tables, positions, strict=True))
    )
    con.execute("CREATE TEMP VIEW log AS " + " UNION ALL ".join(parts))
    types = {row[0]: family(row[1]) for row in con.execute("DESCRIBE log").fetchall()}
    del types["given"]
    return _Relation(con, tables, types, _spelled(con, [role for role, kind in types.items() if kind == "VARCHAR"]))


def _columns(table: Table | ParquetTable, own: Mapping[str, int], roles: Sequence[str]) -> str:
    """Role by role; an empty text is as good as none."""
    return ", ".join(f"{_column(table, own[role])} AS {quoted(role)}" for role in roles)


def _column(table: Table | ParquetTable, position: int) -> str:
    if isinstance(table, Table):
        return f"nullif(c{position}, '')"
    name, kind = quoted(table.header[position]), family(table.types[position])
    if kind in (*HUGE, *TEXT):
        return f"nullif(CAST({name} AS VARCHAR), '')"
    return name


def _source(table: Table | ParquetTable) -> str:
    return table.sql if isinstance(table, ParquetTable) else text_sql(table)


def _spelled(con: "DuckDBPyConnection", roles: Sequence[str]) -> dict[str, frozenset[str]]:
    """For each column of text, the spellings that all its cells have."""
    asked = [(role, name) for role in roles for name in SPELLINGS]
    if not asked:
        return {}
    tests = (f"bool_and(regexp_full_match({quoted(role)}, {literal(SPELLINGS[name])}))" for role, name in asked)
    answers = con.execute(f"SELECT {', '.join(tests)} FROM log").fetchall()[0]
    held = [pair for pair, answer in zip(asked, answers, strict=True) if answer is not False]
    return {role: frozenset(name for own, name in held if own == role) for role in roles}


def _select(relation: _Relation, role: str) -> str:
    """SQL that makes a number of a cell: of an id a code or the id itself, else a time or a value."""
    if role in ("user", "item"):
        return _select_id(relation, role)
    return _select_time(relation) if role == "timestamp" else _select_value(relation)


def _select_id(relation: _Relation, role: str) -> str:
    kind, spelled = relation.types[role], relation.spelled.get(role, frozenset())
    if kind in WHOLE or "code" in spelled:
        return f"CAST({quoted(role)} AS BIGINT)"
    if kind != "VARCHAR":
        raise _wrong_type(relation, role, "texts or whole numbers")
    if relation.is_text and "unpadded" not in spelled:
        raise Declined
    there = f"SELECT DISTINCT {quoted(role)} FROM log WHERE {quoted(role)} IS NOT NULL"
    relation.con.execute(f"CREATE TEMP TYPE ids_{role} AS ENUM ({there})")
    return f"CAST(enum_code(CAST({quoted(role)} AS ids_{role})) AS INTEGER)"


def _select_time(relation: _Relation) -> str:
    kind, spelled = relation.types["timestamp"], relation.spelled.get("timestamp", frozenset())
    if kind in WHOLE or "whole" in spelled:
        return "CAST(timestamp AS BIGINT)"
    if kind in ("DOUBLE", "DECIMAL") or "number" in spelled:
        return "CAST(timestamp AS DOUBLE)"
    if kind in MOMENTS:
        return f"CASE WHEN isfinite(timestamp) THEN {MOMENTS[kind][0]}(timestamp) END"
    if "date" in spelled:
        return "epoch_us(CAST(timestamp AS TIMESTAMP))"
    if kind == "VARCHAR":
        raise _misspelled(
            relation, "timestamp", "whole numbers, numbers, or ISO 8601 dates, and one of these throughout"
        )
    raise _wrong_type(relation, "timestamp", "dates or numbers of 64 bits (float32 merges distinct times)")


def _select_value(relation: _Relation) -> str:
    kind, spelled = relation.types["value"], relation.spelled.get("value", frozenset())
    if kind in (*WHOLE, *REAL, "BOOLEAN") or "number" in spelled:
        return "CAST(value AS DOUBLE)"
    if kind == "VARCHAR":
        raise _misspelled(relation, "value", "finite numbers")
    raise _wrong_type(relation, "value", "numbers")


def _wrong_type(relation: _Relation, role: str, wanted: str) -> DataError:
    return DataError(
        f"{relation.tables[0].path}: expected {wanted} as {role}, found a column of type {relation.types[role]}",
        fix=f"name another column (--columns {role}=<column>), or convert this one",
    )


def _misspelled(relation: _Relation, role: str, wanted: str) -> Exception:
    if relation.is_text:
        return Declined()
    known = "|".join(f"({SPELLINGS[name]})" for name in ("whole", "number", "date"))
    odd = f"SELECT {role} FROM log ORDER BY regexp_full_match({role}, {literal(known)}) LIMIT 1"
    shown = relation.con.execute(odd).fetchall()[0][0]
    return DataError(
        f"{relation.tables[0].path}: expected {wanted} as {role}; found for example {shown!r}",
        fix=f"name another column (--columns {role}=<column>), or mend this one",
    )


def _require_rows(relation: _Relation, given: Array) -> None:
    for number, rows in enumerate(np.bincount(given, minlength=len(relation.tables)).tolist()):
        if not rows:
            raise DataError(
                f"{relation.tables[number].path}: no rows after the header", fix="give a file with interactions in it"
            )


def _require(relation: _Relation, role: str, bad: Bools | None, given: Array, found: str = "nothing") -> None:
    """Raises DataError (Declined for text, whose reader names the line) where any cell is bad."""
    if bad is None or not bad.any():
        return
    if relation.is_text:
        raise Declined
    row = int(np.argmax(bad))
    first = int(np.argmax(given == given[row]))
    raise DataError(
        f"{relation.tables[int(given[row])].path}, row {row - first + 1}: expected the {role}, found {found}",
        fix=f"mend or remove that row, or name another column (--columns {role}=<column>)",
    )


def _numbered(relation: _Relation, role: str, column: Array) -> tuple[tuple[str, ...], Int32s]:
    """Raw ids and codes into them, from codes into the text ids or from integer ids."""
    column = np.asarray(column)
    if column.dtype == np.int32:
        ids = relation.con.execute(f"SELECT unnest(enum_range(CAST(NULL AS ids_{role})))").fetchall()
        return tuple(row[0] for row in ids), column
    numbers, codes = distinct(column)
    return tuple(map(str, numbers.tolist())), codes


def distinct(numbers: Int64s) -> tuple[Int64s, Int32s]:
    """The distinct numbers, ascending, and the place of each number among them, int32; fast where they lie dense."""
    lowest, highest = int(numbers.min()), int(numbers.max())
    if highest - lowest > DENSE * len(numbers):
        found = sorted_unique(numbers)
        return found, np.searchsorted(found, numbers).astype(np.int32)
    present = np.zeros(highest - lowest + 1, dtype=np.bool_)
    present[numbers - lowest] = True
    return np.flatnonzero(present) + lowest, (np.cumsum(present, dtype=np.int32) - 1)[numbers - lowest]


def _times(relation: _Relation, column: Array, given: Array) -> timestamps.Times:
    column = np.asarray(column)
    _require(
        relation, "timestamp", ~(np.abs(column) < timestamps.LARGEST), given, "a number that is too large, or none"
    )
    kind = relation.types["timestamp"]
    if kind in MOMENTS:
        notes = () if "ZONE" in kind else (timestamps.UTC_NOTE,)
        return timestamps.Times(ticks=column, per_second=MOMENTS[kind][1], notes=notes)
    is_date = kind == "VARCHAR" and "date" in relation.spelled["timestamp"]
    return timestamps.join([column], Clock.DATE if is_date else Clock.NUMBER)


def _values(relation: _Relation, column: Array, given: Array) -> Float32s:
    column = np.asarray(column)
    _require(relation, "value", ~(np.abs(column) <= np.finfo(np.float32).max), given, "no finite number of 32 bits")
    return column.astype(np.float32)
