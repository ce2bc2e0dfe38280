"""What a column holds, told by its values, and what may be made of it: label, user, time, number or category.

Two kinds of column answer alike: `plain.TextColumn` holds the distinct texts of a small file, `columnar.StoredColumn`
asks duckdb. What a value means is said once, by the functions of this module.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Protocol

import numpy as np

from autorec.tasks import timestamps
from autorec.tasks.datasets import Bools, Float64s, Int64s, as_bytes
from autorec.tasks.ranking.impressions import Category, texts_as_bytes
from autorec.tasks.timestamps import Clock

MISSING_TEXTS = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "\\N"})
TRUE_TEXTS, FALSE_TEXTS = frozenset({"1", "1.0", "true", "True"}), frozenset({"0", "0.0", "false", "False"})
LOOKS_LIKE_AN_ID = re.compile(r"(^|[_ ])id$|[a-z]I[dD]$|ID$")
LARGEST_NUMBER = float(np.finfo(np.float32).max)
NO_MOMENT = int(np.iinfo(np.int64).min)
SOURCE_VERSION = b"autorec rows as read 2\0"


class Refused(Exception):
    """A value that does not fit its column: its first row, and its text."""

    def __init__(self, row: int, text: str) -> None:
        super().__init__(text)
        self.row = row
        self.text = text


class Look(Enum):
    """What all values of a column are, those that are missing apart."""

    NUMBER = "finite numbers of 32 bits"
    DATE = "ISO 8601 dates"
    TEXT = "anything else"


class Column(Protocol):
    """A column of all rows. `declared` is the type that its header gives it (`price:float`), or "".

    The methods raise Refused for the first value that cannot be read so.
    """

    @property
    def name(self) -> str: ...

    @property
    def declared(self) -> str: ...

    @property
    def look(self) -> Look: ...

    def labels(self) -> Bools:
        """Whether each row was clicked."""
        ...

    def numbers(self) -> Float64s:
        """NaN where missing."""
        ...

    def moments(self) -> Int64s:
        """Dates as microseconds since 1970, NO_MOMENT where missing."""
        ...

    def times(self) -> tuple[Int64s, tuple[str, ...]]:
        """Seconds since 1970, from whatever unit or date the column holds, and notes. None may be missing."""
        ...

    def category(self) -> Category:
        """Distinct texts in order, so that the file's order leaves no trace in the codes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """All columns of tables that follow one another, as they stand there, and how many rows each table has.

    Those at the places `unreadable` hold what no text or number tells, such as lists.
    """

    columns: Sequence[Column]
    sizes: Sequence[int]
    unreadable: Sequence[int] = ()


Held = Float64s | Int64s | Category


def holds_numbers(column: Column) -> bool:
    """Whether it should be read as numbers: declared so, or all values are and its name is not that of an id."""
    if column.declared:
        return column.declared == "float"
    return LOOKS_LIKE_AN_ID.search(column.name) is None and column.look is Look.NUMBER


def as_it_looks(column: Column) -> Held:
    """Numbers, moments or a category: what the values themselves say, whatever the column is taken for."""
    if column.look is Look.NUMBER:
        return column.numbers()
    return column.moments() if column.look is Look.DATE else column.category()


class SourceDigest:
    """Names the rows of files by all columns as they look: the same for a CSV and for Parquet with its values."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256(SOURCE_VERSION)

    def add(self, name: str, held: Held) -> None:
        self._take(name.encode())
        for part in texts_as_bytes(held.values) if isinstance(held, Category) else ():
            self._take(part)
        self._take(as_bytes(held.codes if isinstance(held, Category) else held))

    def _take(self, part: bytes | memoryview) -> None:
        self._digest.update(len(part).to_bytes(8, "little"))
        self._digest.update(part)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


Times = Int64s | Float64s


def look_of(texts: Iterable[str]) -> Look:
    """The look of texts none of which is missing; NUMBER where there are none."""
    could_be = [Look.NUMBER, Look.DATE]
    for text in texts:
        could_be = [look for look in could_be if looks_so(text, look)]
        if not could_be:
            return Look.TEXT
    return could_be[0]


def looks_so(text: str, look: Look) -> bool:
    """Whether a text that is not missing is a number, or a date."""
    parse: Callable[[str], object] = number_of if look is Look.NUMBER else moment_of
    try:
        parse(text)
    except ValueError:
        return False
    return True


def label_of(text: str) -> bool:
    """Raises ValueError for anything but 0 and 1."""
    if text not in TRUE_TEXTS | FALSE_TEXTS:
        raise ValueError(text)
    return text in TRUE_TEXTS


def number_of(text: str) -> float:
    """Raises ValueError where it is neither missing (NaN) nor finite in 32 bits."""
    if text in MISSING_TEXTS:
        return float("nan")
    value = float(text)
    if not abs(value) <= LARGEST_NUMBER:
        raise ValueError(text)
    return value


def moment_of(text: str) -> int:
    """Microseconds; raises ValueError where it is neither missing nor an ISO date."""
    return NO_MOMENT if text in MISSING_TEXTS else int(timestamps.parse((text,), Clock.DATE)[0])


def parser_of_times(first: str) -> tuple[Callable[[Sequence[str]], Times], Clock]:
    """How to read a column of times, told by its first value. Raises Refused where that is no time."""
    try:
        clock = timestamps.clock_of(first)
    except ValueError:
        raise Refused(0, first) from None
    return partial(timestamps.parse, clock=clock), clock


def seconds(chunks: Sequence[Times], clock: Clock) -> tuple[Int64s, tuple[str, ...]]:
    """Whole seconds of one column of times, and notes on how they were read."""
    times = timestamps.join(chunks, clock)
    return times.ticks // times.per_second, times.notes
