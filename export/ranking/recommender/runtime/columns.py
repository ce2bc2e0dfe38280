"""Columns of text, and what they mean to the model: read as they were when it was trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from recommender.runtime.times import in_seconds, moment

MISSING_TEXTS = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "\\N"})
LABELS = {"1": 1.0, "1.0": 1.0, "true": 1.0, "True": 1.0, "0": 0.0, "0.0": 0.0, "false": 0.0, "False": 0.0}
USUAL: Mapping[str, tuple[str, ...]] = {
    "label": ("label", "click", "clicked", "target", "y"),
    "timestamp": ("timestamp", "datetime", "ts", "time"),
}


class Misread(Exception):
    """A value that does not fit its column: its first row, its text, and what was wanted."""

    def __init__(self, row: int, text: str, wanted: str) -> None:
        super().__init__(text)
        self.row = row
        self.text = text
        self.wanted = wanted


@dataclass(frozen=True)
class Layout:
    """The columns that a model takes, by name, in its order; those of users are the last of the categories.

    `named` says how the columns of label and timestamp are called where not as usual. `headless`: the rows that it was
    trained on had no header, but the label, then `headless` columns in this order, parted by tabs.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    user: str | None
    timestamps: bool
    named: Mapping[str, str]
    headless: tuple[str, ...]

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> "Layout":
        """From what `about.json` says of columns."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in about.items()})

    @property
    def features(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categorical)


class Column:
    """A column of text as codes of its distinct values, so that each value is looked at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._code_of: dict[str, int] = {}
        self._chunks: list[np.ndarray] = []

    def add(self, texts: Sequence[str]) -> None:
        code_of = self._code_of
        codes = (code_of.setdefault(text, len(code_of)) for text in texts)
        self._chunks.append(np.fromiter(codes, dtype=np.int32, count=len(texts)))

    @property
    def texts(self) -> tuple[str, ...]:
        """The distinct values, in the order in which they first came."""
        return tuple(self._code_of)

    @property
    def codes(self) -> np.ndarray:
        """Int32 [n], into `texts`."""
        return np.concatenate(self._chunks) if self._chunks else np.zeros(0, dtype=np.int32)

    def numbers(self) -> np.ndarray:
        """Float32 [n], NaN where missing. Raises Misread."""
        return self._parsed(_number, "a number or nothing").astype(np.float32)

    def labels(self) -> np.ndarray:
        """Float32 [n], 1 where clicked. Raises Misread."""
        return self._parsed(LABELS.__getitem__, "0 or 1 as label").astype(np.float32)

    def seconds(self) -> np.ndarray:
        """Int64 [n]. Raises Misread."""
        return in_seconds(self._parsed(partial(moment, whole=True), "a timestamp: a number or an ISO 8601 date"))

    def _parsed(self, parse: Callable[[str], float], wanted: str) -> np.ndarray:
        values, codes = [], self.codes
        for code, text in enumerate(self.texts):
            try:
                values.append(parse(text))
            except (ValueError, KeyError):
                raise Misread(int(np.argmax(codes == code)), text, wanted) from None
        return np.array(values)[codes] if values else np.zeros(0)


def _number(text: str) -> float:
    if text in MISSING_TEXTS:
        return float("nan")
    value = float(text)
    if not abs(value) <= np.finfo(np.float32).max:
        raise ValueError(text)
    return value
