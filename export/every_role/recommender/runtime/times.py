"""Times as a log has them: numbers of seconds or of smaller units, or ISO 8601 dates."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MICROS = 1_000_000
LARGEST = 2**62
UNITS = ((1e17, 1_000_000_000), (1e14, MICROS), (1e11, 1_000))
"""Typical size from which numbers are read as so many ticks a second; 1e11 seconds would be the year 5138."""


def moment(text: str, *, whole: bool = False) -> int | float:
    """A number as it stands, a date as seconds since 1970, rounded down where they are to be `whole`.

    Raises ValueError for anything else.
    """
    try:
        number = int(text)
    except ValueError:
        number = _fraction(text, whole)
    if not abs(number) < LARGEST:
        raise ValueError(f"{text!r} is no time")
    return number


def _fraction(text: str, whole: bool) -> int | float:
    try:
        return float(text)
    except ValueError:
        date = datetime.fromisoformat(text)
        micros = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND
        return micros // MICROS if whole or micros % MICROS == 0 else micros / MICROS


def in_seconds(moments: "Sequence[int | float] | np.ndarray") -> np.ndarray:
    """Int64 [n], rounded down; the unit is told by their typical size."""
    times = np.asarray(moments)
    typical = float(np.median(np.abs(times.astype(np.float64))))
    per_second = next((ticks for size, ticks in UNITS if typical >= size), 1)
    if np.all(times == np.floor(times)):
        return times.astype(np.int64) // per_second
    micros = np.round(times / per_second * MICROS)
    if np.any(np.abs(micros) >= LARGEST):
        return np.floor(times).astype(np.int64) // per_second
    return micros.astype(np.int64) // MICROS
