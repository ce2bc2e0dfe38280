"""Rows of what was shown, each with its features and whether it was clicked, whatever the format they came in."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from autorec.tasks.datasets import Bools, Float32s, Int8s, Int32s, Int64s, UInt64s, as_bytes, mixed

Texts = npt.NDArray[Any]
"""Texts of any length as one array of StringDType, not as an object each: 16 bytes, and what goes beyond 15."""

MISSING = -1
CHUNK = 65_536
DIGEST_VERSION = b"autorec impressions 3\0"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Number:
    """A column of numbers: float32 [n], NaN where missing."""

    name: str
    values: Float32s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Category:
    """A column of categories: int32 [n] codes into `values`, distinct texts in order; -1 where missing."""

    name: str
    codes: Int32s
    values: Texts


@dataclass(frozen=True, kw_only=True, eq=False)
class Impressions:
    """Rows in the order of their files. `labels` bool [n]: clicked. `users`, where there are any, is a column too.

    `timestamps` int64 [n] seconds. `in_order` says that the order of the rows is the order of time where no timestamps
    tell it. `given` int8 [n] says which given file a row stood in (an index into `datasets.GIVEN_FILES`).
    `source_digest` names the rows of the files with all their columns, whatever those are taken for; "": made here.
    """

    name: str
    labels: Bools
    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]
    users: Category | None = None
    timestamps: Int64s | None = None
    in_order: bool = False
    given: Int8s | None = None
    notes: tuple[str, ...] = ()
    source_digest: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def fields(self) -> tuple[Category, ...]:
        """All columns of categories that a model sees, the users last."""
        return (*self.categories, self.users) if self.users else self.categories

    @cached_property
    def digest(self) -> str:
        """Sha256 (hex) of labels, times and columns, and of what each column is: a number, a category, the users."""
        digest = hashlib.sha256(DIGEST_VERSION)
        for part in self._content():
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.hexdigest()

    def _content(self) -> Iterator[bytes | memoryview]:
        yield as_bytes(self.labels)
        yield b"absent" if self.timestamps is None else as_bytes(self.timestamps)
        for number in self.numbers:
            yield from (b"number", number.name.encode(), as_bytes(number.values))
        for field in self.fields:
            yield from (b"users" if field is self.users else b"category", field.name.encode(), as_bytes(field.codes))
            yield from texts_as_bytes(field.values)

    def row_hashes(self, seed: int) -> UInt64s:
        """One hash a row, of its features alone: rows that look the same get the same one, whatever their label.

        A category is told by its place among the values, which does not change with the order of the rows.
        """
        total = np.zeros(len(self), dtype=np.uint64)
        for place, number in enumerate(self.numbers):
            total += _hashes((number.values + np.float32(0)).view(np.uint32), f"{seed} number {place}")
        for place, field in enumerate(self.fields):
            total += _hashes(field.codes.view(np.uint32), f"{seed} category {place}")
        if self.timestamps is not None:
            total += _hashes(self.timestamps.view(np.uint64), f"{seed} time")
        return total


def as_texts(values: Iterable[str]) -> Texts:
    """Texts as an array."""
    return np.array(list(values), dtype=np.dtypes.StringDType())


def texts_as_bytes(values: Texts) -> Iterator[bytes]:
    """The texts, some at a time, so that never all of them are objects."""
    for first in range(0, len(values), CHUNK):
        yield "\0".join(values[first : first + CHUNK].tolist()).encode()


def _hashes(column: npt.NDArray[np.unsignedinteger], key: str) -> UInt64s:
    salt = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")
    return mixed(column.astype(np.uint64) ^ np.uint64(salt))
