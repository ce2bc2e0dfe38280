"""Columns of text, gathered chunk by chunk, and what they mean: label, user, time, number or category."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from autorec.tasks.canonical import Numbering
from autorec.tasks.datasets import Bools, Float32s, Int32s, Int64s
from autorec.tasks.ranking.impressions import MISSING, Category, Number

MISSING_TEXTS = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "\\N"})
TRUE_TEXTS, FALSE_TEXTS = frozenset({"1", "1.0", "true", "True"}), frozenset({"0", "0.0", "false", "False"})
LOOKS_LIKE_AN_ID = re.compile(r"(^|[_ ])id$|[a-z]I[dD]$|ID$")
Parsed = TypeVar("Parsed")
SOURCE_VERSION = b"autorec rows as read 1\0"


class Refused(Exception):
    """A value that does not fit its column: its first row, and its text."""

    def __init__(self, row: int, text: str) -> None:
        super().__init__(text)
        self.row = row
        self.text = text


class Column:
    """One column of text as codes of its distinct values, so that each value is looked at once."""

    def __init__(self, name: str) -> None:
        self.name, _, self.declared = name.partition(":")
        self._numbering = Numbering()
        self._chunks: list[Int32s] = []

    def add(self, texts: Sequence[str]) -> None:
        self._chunks.append(self._numbering.encode(texts))

    @property
    def texts(self) -> tuple[str, ...]:
        """The distinct values, in the order in which they first came."""
        return self._numbering.ids

    @property
    def codes(self) -> Int32s:
        return np.concatenate(self._chunks)

    @property
    def is_empty(self) -> bool:
        """Whether it tells nothing: all missing, or one value only."""
        return len(self.texts) < 2

    @property
    def holds_numbers(self) -> bool:
        """Whether it should be read as numbers: declared so, or all values are and its name is not that of an id."""
        if self.declared:
            return self.declared == "float"
        return LOOKS_LIKE_AN_ID.search(self.name) is None and all(_is_number(text) for text in self.texts)

    def labels(self) -> Bools:
        """Raises Refused for anything but 0 and 1."""
        return self._parsed(_label, np.bool_)

    def number(self) -> Number:
        """Raises Refused where a value is neither missing nor a finite number."""
        values: Float32s = self._parsed(_number, np.float32)
        return Number(name=self.name, values=values)

    def times(self, parse: Callable[[Sequence[str]], Int64s]) -> Int64s:
        """Raises Refused for the first value that `parse` cannot take."""
        try:
            return parse(self.texts)[self.codes]
        except ValueError:
            return self._parsed(lambda text: int(parse((text,))[0]), np.int64)

    def category(self) -> Category:
        """Distinct values in order, so that the file's order leaves no trace in the codes."""
        kept = sorted(text for text in self.texts if text not in MISSING_TEXTS)
        place = {text: code for code, text in enumerate(kept)}
        renumbered = np.array([place.get(text, MISSING) for text in self.texts], dtype=np.int32)
        return Category(name=self.name, codes=renumbered[self.codes], values=tuple(kept))

    def _parsed(self, parse: Callable[[str], object], dtype: type[np.generic]) -> np.ndarray:
        values = []
        for code, text in enumerate(self.texts):
            try:
                values.append(parse(text))
            except ValueError:
                raise Refused(int(np.argmax(self.codes == code)), text) from None
        return np.array(values, dtype=dtype)[self.codes]


def source_digest(columns: Sequence[Column]) -> str:
    """Sha256 (hex) of the texts of all columns in the order of the rows, whatever the columns are taken for."""
    digest = hashlib.sha256(SOURCE_VERSION)
    for column in columns:
        for part in ("\0".join((column.name, *column.texts)).encode(), column.codes.tobytes()):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()


def _label(text: str) -> bool:
    if text not in TRUE_TEXTS | FALSE_TEXTS:
        raise ValueError(text)
    return text in TRUE_TEXTS


def _number(text: str) -> float:
    if text in MISSING_TEXTS:
        return float("nan")
    value = float(text)
    if not abs(value) <= np.finfo(np.float32).max:
        raise ValueError(text)
    return value


def _is_number(text: str) -> bool:
    try:
        _number(text)
    except ValueError:
        return False
    return True
