"""Timestamps as text to int64, never through float32: float32 merges distinct times and changes a split."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import cast

import numpy as np

from autorec.tasks.datasets import Float64s, Int64s

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MICROS = 1_000_000
LARGEST = float(2**62)
UTC_NOTE = "dates without a zone are read as UTC"
UNITS = ((1e17, 1_000_000_000, "nanoseconds"), (1e14, MICROS, "microseconds"), (1e11, 1_000, "milliseconds"))
"""Typical size from which numbers are read as that unit; 1e11 seconds would be the year 5138."""


class Clock(Enum):
    """How times are written in a file, decided by its first row."""

    NUMBER = "a number of seconds, milliseconds, microseconds or nanoseconds since 1970"
    DATE = "an ISO 8601 date such as 2024-05-31T12:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Times:
    """`ticks` int64 [n], each 1 / `per_second` seconds since 1970 (UTC)."""

    ticks: Int64s
    per_second: int
    notes: tuple[str, ...] = ()


def clock_of(text: str) -> Clock:
    """The clock that a first value is written in. Raises ValueError when it is neither number nor date."""
    try:
        float(text)
    except ValueError:
        datetime.fromisoformat(text)
        return Clock.DATE
    return Clock.NUMBER


def parse(texts: Sequence[str], clock: Clock) -> Int64s | Float64s:
    """Numbers as they stand (int64, or float64 where any has a fraction), dates as microseconds.

    Raises ValueError where one cannot be read, or is 2**62 or more.
    """
    if clock is Clock.DATE:
        return np.array([_microseconds(t) for t in texts], dtype=np.int64)
    numbers = _numbers(texts)
    if not np.all(np.abs(numbers) < LARGEST):
        raise ValueError("not finite, or too large")
    return numbers


def _numbers(texts: Sequence[str]) -> Int64s | Float64s:
    try:
        return np.array(list(map(int, texts)), dtype=np.int64)
    except OverflowError as error:
        raise ValueError("larger than int64") from error
    except ValueError:
        return np.array(list(map(float, texts)), dtype=np.float64)


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def join(chunks: Sequence[Int64s | Float64s], clock: Clock) -> Times:
    """One column of times; the unit of numbers is told by their typical size, and said in the notes.

    Fractions of a unit are kept as microseconds, and left out where one of the numbers is too large for that.
    """
    if clock is Clock.DATE:
        return Times(ticks=np.concatenate(chunks), per_second=MICROS, notes=(UTC_NOTE,))
    numbers = cast(Int64s | Float64s, np.concatenate(chunks))
    per_second, notes = _unit(numbers)
    if np.all(numbers == np.floor(numbers)):
        return Times(ticks=numbers.astype(np.int64), per_second=per_second, notes=notes)
    micros = np.round(numbers / per_second * MICROS)
    if np.any(np.abs(micros) >= LARGEST):
        return Times(ticks=np.floor(numbers).astype(np.int64), per_second=per_second, notes=notes)
    return Times(ticks=micros.astype(np.int64), per_second=MICROS, notes=notes)


def _unit(numbers: Int64s | Float64s) -> tuple[int, tuple[str, ...]]:
    typical = float(np.median(np.abs(numbers.astype(np.float64))))
    for size, per_second, name in UNITS:
        if typical >= size:
            return per_second, (f"timestamps are read as {name}, by their size",)
    return 1, ()
