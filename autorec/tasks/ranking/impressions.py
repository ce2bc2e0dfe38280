"""Rows of what was shown, each with its features and whether it was clicked, whatever the format they came in."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autorec.tasks.datasets import Bools, Float32s, Int8s, Int32s, Int64s, UInt64s

MISSING = -1
DIGEST_VERSION = b"autorec impressions 2\0"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Number:
    """A column of numbers: float32 [n], NaN where missing."""

    name: str
    values: Float32s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Category:
    """A column of categories: int32 [n] codes into `values`, distinct texts; -1 where missing."""

    name: str
    codes: Int32s
    values: tuple[str, ...]


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

    def _content(self) -> Iterator[bytes]:
        yield self.labels.tobytes()
        yield b"absent" if self.timestamps is None else self.timestamps.tobytes()
        for number in self.numbers:
            yield from (b"number", number.name.encode(), number.values.tobytes())
        for field in self.fields:
            yield b"users" if field is self.users else b"category"
            yield from (field.name.encode(), field.codes.tobytes(), "\0".join(field.values).encode())

    def row_hashes(self, seed: int) -> UInt64s:
        """One hash a row, of its features alone: rows that look the same get the same one, whatever their label."""
        total = np.zeros(len(self), dtype=np.uint64)
        for place, number in enumerate(self.numbers):
            distinct, codes = np.unique(number.values, return_inverse=True)
            total += _hashes((value.tobytes() for value in distinct), f"{seed} number {place}")[codes]
        for place, field in enumerate(self.fields):
            texts = (value.encode() for value in (*field.values, ""))  # index -1, missing, finds the last
            total += _hashes(texts, f"{seed} category {place}")[field.codes]
        if self.timestamps is not None:
            distinct_times, codes = np.unique(self.timestamps, return_inverse=True)
            total += _hashes((value.tobytes() for value in distinct_times), f"{seed} time")[codes]
        return total


def _hashes(contents: Iterable[bytes], key: str) -> UInt64s:
    raw = b"".join(hashlib.blake2b(c, digest_size=8, key=key.encode()[:64]).digest() for c in contents)
    return np.frombuffer(raw, dtype="<u8").astype(np.uint64)
