"""One column of rows that lie as Parquet, read through duckdb as it is asked for. See `columns.Column`.

What is spelled as programs usually spell it is read by duckdb; else by the same functions as a small file's, some rows
at a time.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autorec.tasks import timestamps
from autorec.tasks.columnar_text import SPELLINGS
from autorec.tasks.datasets import Bools, Float64s, Int32s, Int64s
from autorec.tasks.parquet import HUGE, MOMENTS, REAL, WHOLE, family, literal, path_literal, quoted
from autorec.tasks.ranking.columns import (
    FALSE_TEXTS,
    LARGEST_NUMBER,
    MISSING_TEXTS,
    NO_MOMENT,
    TRUE_TEXTS,
    Look,
    Refused,
    looks_so,
    moment_of,
    number_of,
    parser_of_times,
    seconds,
)
from autorec.tasks.ranking.impressions import CHUNK, MISSING, Category, Texts, as_texts
from autorec.tasks.timestamps import Clock

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Array = npt.NDArray[Any]
NUMBERS = (*WHOLE, *HUGE, *REAL)
FEW = 2_048
"""How many texts are looked at at once where the first ones will probably do."""
NUMBER_SPELLING = r"-?[0-9]{1,18}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?"
"""As RE2 reads it; JSON's and Python's way of writing a number."""


class StoredColumn:
    """One column of Parquet files, `field` in them; see `columns.Column`. `files` come with the row each begins at."""

    def __init__(
        self,
        con: "DuckDBPyConnection",
        files: Sequence[tuple[Path, int]],
        n_rows: int,
        header: str,
        field: str,
        kind: str,
    ) -> None:
        self.name, _, self.declared = header.partition(":")
        self.kind = family(kind)
        self._con = con
        self._n_rows = n_rows
        held = kind if self.kind in (*NUMBERS, *MOMENTS) else "VARCHAR"
        self._rows = " UNION ALL ".join(
            f"SELECT CAST({quoted(field)} AS {held}) AS x, file_row_number + {first} AS place "
            f"FROM read_parquet({path_literal(file)}, file_row_number=true)"
            for file, first in files
        )
        self._text = "CAST(CAST(x AS DOUBLE) AS VARCHAR)" if self.kind in REAL else "CAST(x AS VARCHAR)"
        self._known = f"NOT {_in(self._text, MISSING_TEXTS)}"
        self._plain: dict[Look, bool] = {}

    @cached_property
    def look(self) -> Look:
        if self.kind in NUMBERS:
            return Look.NUMBER
        if self.kind in MOMENTS:
            return Look.DATE
        return next((look for look in (Look.NUMBER, Look.DATE) if self._looks(look)), Look.TEXT)

    def labels(self) -> Bools:
        true, false = (_in(self._text, texts) for texts in (TRUE_TEXTS, FALSE_TEXTS))
        found = self._fetched(f"CAST(CASE WHEN {true} THEN 1 WHEN {false} THEN 0 END AS TINYINT)", -1)
        self._require(found >= 0)
        return np.asarray(found == 1)

    def numbers(self) -> Float64s:
        if self.kind not in NUMBERS and not self._is_plain(Look.NUMBER):
            return self._parsed(number_of, np.float64)
        found = self._fetched("TRY_CAST(x AS DOUBLE)", np.nan)
        self._require((np.abs(found) <= LARGEST_NUMBER) | np.isnan(found))
        return found

    def moments(self) -> Int64s:
        if self.kind in MOMENTS:
            return self._fetched("CASE WHEN isfinite(x) THEN epoch_us(x) END", NO_MOMENT)
        if self._is_plain(Look.DATE):
            return self._fetched("epoch_us(TRY_CAST(x AS TIMESTAMP))", NO_MOMENT)
        return self._parsed(moment_of, np.int64)

    def times(self) -> tuple[Int64s, tuple[str, ...]]:
        if self.kind == "FLOAT":
            raise Refused(0, f"{self._text_of(0)}, of 32 bits, which merges distinct times")
        if self.kind in MOMENTS:
            ticks = self.moments()
            self._require(ticks != NO_MOMENT)
            return ticks // timestamps.MICROS, () if "ZONE" in self.kind else (timestamps.UTC_NOTE,)
        for condition, sql, clock in self._ways_to_tell_times():
            if self._all(condition):
                found = self._fetched(sql, 0)
                if clock is Clock.DATE or (np.abs(found) < timestamps.LARGEST).all():
                    return seconds([found], clock)
        return self._parsed_times()

    def category(self) -> Category:
        self._con.execute(
            "CREATE OR REPLACE TEMP TABLE texts AS "
            f"SELECT DISTINCT {self._text} AS t FROM ({self._rows}) WHERE {self._known} ORDER BY t"
        )
        chunks = [as_texts(chunk) for chunk in self._streamed("SELECT t FROM texts ORDER BY rowid")]
        found = self._con.execute(
            f"SELECT place, CAST(texts.rowid AS INTEGER) AS code FROM ({self._rows}) JOIN texts ON {self._text} = t"
        ).fetchnumpy()
        codes: Int32s = np.full(self._n_rows, MISSING, dtype=np.int32)
        codes[found["place"]] = found["code"]
        values: Texts = np.concatenate([as_texts(()), *chunks])
        return Category(name=self.name, codes=codes, values=values)

    def _ways_to_tell_times(self) -> Iterator[tuple[str, str, Clock]]:
        """(what must hold of all rows, then the time is, and is so to be understood), in SQL."""
        if self.kind in NUMBERS:
            kind = "DOUBLE" if self.kind in REAL else "BIGINT"
            yield f"TRY_CAST(x AS {kind}) IS NOT NULL", f"CAST(x AS {kind})", Clock.NUMBER
            return
        yield _spelled(SPELLINGS["whole"]), "CAST(x AS BIGINT)", Clock.NUMBER
        yield PLAIN[Look.NUMBER], "CAST(x AS DOUBLE)", Clock.NUMBER
        yield PLAIN[Look.DATE], "epoch_us(CAST(x AS TIMESTAMP))", Clock.DATE

    def _parsed_times(self) -> tuple[Int64s, tuple[str, ...]]:
        parse, clock = parser_of_times(self._text_of(0))
        chunks, first = [], 0
        for texts in self._texts():
            try:
                chunks.append(parse(texts))
            except ValueError:
                row = next(row for row, text in enumerate(texts) if _is_refused(parse, text))
                raise Refused(first + row, texts[row]) from None
            first += len(texts)
        return seconds(chunks, clock)

    def _is_plain(self, look: Look) -> bool:
        """Whether all that is not missing is spelled as duckdb and Python read it alike, and looks so."""
        if look not in self._plain:
            self._plain[look] = self._all(f"NOT coalesce({self._known}, false) OR {PLAIN[look]}")
        return self._plain[look]

    def _looks(self, look: Look) -> bool:
        if self._is_plain(look):
            return True
        odd = f"SELECT {self._text} FROM ({self._rows}) WHERE {self._known} AND NOT coalesce({PLAIN[look]}, false)"
        return all(looks_so(text, look) for texts in self._streamed(odd, FEW) for text in set(texts))

    def _parsed(self, parse: Callable[[str], object], dtype: type[np.generic]) -> Array:
        """Each text parsed by itself, some rows at a time."""
        values, first = np.empty(self._n_rows, dtype=dtype), 0
        for texts in self._texts():
            for row, text in enumerate(texts, first):
                try:
                    values[row] = parse(text)
                except ValueError:
                    raise Refused(row, text) from None
            first += len(texts)
        return values

    def _texts(self) -> Iterator[list[str]]:
        return self._streamed(f"SELECT coalesce({self._text}, '') FROM ({self._rows})")

    def _streamed(self, sql: str, size: int = CHUNK) -> Iterator[list[str]]:
        """The first column of what is asked for, in order; it must be used up before anything else is asked."""
        found = self._con.execute(sql)
        while rows := found.fetchmany(size):
            yield [row[0] for row in rows]

    def _fetched(self, sql: str, missing: float) -> Array:
        found = self._con.execute(f"SELECT {sql} AS found FROM ({self._rows})").fetchnumpy()["found"]
        return np.ma.filled(found, missing)

    def _all(self, condition: str) -> bool:
        """Whether it holds of all rows; stops at the first of which it does not."""
        sql = f"SELECT 1 FROM ({self._rows}) WHERE NOT coalesce({condition}, false) LIMIT 1"
        return not self._con.execute(sql).fetchall()

    def _require(self, good: Bools) -> None:
        if not good.all():
            row = int(np.argmin(good))
            raise Refused(row, self._text_of(row))

    def _text_of(self, row: int) -> str:
        sql = f"SELECT coalesce({self._text}, '') FROM ({self._rows}) WHERE place = {row}"
        return str(self._con.execute(sql).fetchall()[0][0])


def _spelled(pattern: str) -> str:
    return f"regexp_full_match(x, {literal(pattern)})"


def _in(sql: str, texts: Collection[str]) -> str:
    return f"{sql} IN ({', '.join(map(literal, sorted(texts)))})"


def _is_refused(parse: Callable[[Sequence[str]], object], text: str) -> bool:
    try:
        parse((text,))
    except ValueError:
        return True
    return False


PLAIN: Mapping[Look, str] = {
    Look.NUMBER: f"({_spelled(NUMBER_SPELLING)} AND abs(TRY_CAST(x AS DOUBLE)) <= {LARGEST_NUMBER!r})",
    Look.DATE: f"({_spelled(SPELLINGS['date'])} AND TRY_CAST(x AS TIMESTAMP) IS NOT NULL)",
}
"""What holds of a text x that duckdb and Python read alike, as SQL."""
