"""Interaction logs in canonical form.

Whatever format a log came in, a `Dataset` numbers users and items by their sorted raw ids and orders rows by user,
then time, then a hash of the row. So neither the order of the file nor its name changes the digest or a split.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Side = Literal["user", "item"]

DIGEST_VERSION = b"autorec interactions 1\n"
GIVEN_FILES = ("train", "valid", "test")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Categorical:
    """A feature of one or several codes a row: row r holds codes[indptr[r]:indptr[r + 1]].

    `indptr` is int64 [n_rows + 1], `codes` int32 [m] in [0, n_codes), numbered by sorted raw value.
    """

    kind: ClassVar[Literal["categorical"]] = "categorical"
    side: Side
    name: str
    indptr: Int64s
    codes: Int32s
    n_codes: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numeric:
    """A feature of one number a row: `values` float32 [n_rows], NaN where missing."""

    kind: ClassVar[Literal["numeric"]] = "numeric"
    side: Side
    name: str
    values: Float32s


Feature = Categorical | Numeric


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """An interaction log with its catalogue.

    `users` and `items` are int32 [n] codes into `user_ids` and `item_ids`; `timestamps` int64 [n] seconds; `values`
    float32 [n]; `given` int8 [n] says which given file a row stood in (an index into `GIVEN_FILES`).
    Rows are sorted by user, then time (as finely as the source tells it, even below a second), then a hash of the row.
    `sequential` says that a user's rows are in order of time though the source tells no times.
    `digest` names the interactions, ids and features, not the given files: those belong to the split. `source_digest`
    names the pairs of user and item as they were read, before any were left out.
    """

    name: str
    digest: str
    source_digest: str
    users: Int32s
    items: Int32s
    timestamps: Int64s | None
    values: Float32s | None
    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    features: tuple[Feature, ...] = ()
    given: Int8s | None = None
    sequential: bool = False
    notes: tuple[str, ...] = ()

    @property
    def in_order(self) -> bool:
        """Whether the order of a user's rows is that of time."""
        return self.sequential or self.timestamps is not None

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @property
    def n_interactions(self) -> int:
        return len(self.users)

    @property
    def user_indptr(self) -> Int64s:
        """Rows of user u are user_indptr[u]:user_indptr[u + 1]; int64 [n_users + 1]."""
        return offsets(self.users, self.n_users)

    def row_hashes(self, salt: str = "") -> UInt64s:
        """One hash a row, of its raw ids and timestamp: the same whatever the order or numbering of rows."""
        return row_hashes(self.user_ids, self.item_ids, self.users, self.items, self.timestamps, salt)


def offsets(rows: npt.NDArray[np.integer], n_rows: int) -> Int64s:
    """Row pointers int64 [n_rows + 1] of entries whose row numbers are given (sorted)."""
    indptr = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n_rows), out=indptr[1:])
    return indptr


def sorted_unique(keys: Int64s) -> Int64s:
    """The distinct keys, ascending. By sorting: on a million keys ten times as fast as `np.unique`, which hashes."""
    ordered = np.sort(keys)
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def row_hashes(
    user_ids: Sequence[str], item_ids: Sequence[str], users: Int32s, items: Int32s, times: Int64s | None, salt: str = ""
) -> UInt64s:
    """Hash (salt, user, item, time) of every row to 64 bits, by blake2b of each id and splitmix64 between them."""
    hashes = mixed(_id_hashes(user_ids, salt)[users])
    hashes = mixed(hashes ^ _id_hashes(item_ids, salt)[items])
    return hashes if times is None else mixed(hashes ^ times.astype(np.int64).view(np.uint64))


def _id_hashes(ids: Sequence[str], salt: str) -> UInt64s:
    key = salt.encode()
    raw = b"".join(hashlib.blake2b(i.encode(), digest_size=8, key=key).digest() for i in ids)
    return np.frombuffer(raw, dtype="<u8").astype(np.uint64)


def mixed(x: UInt64s) -> UInt64s:
    """The finaliser of splitmix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def pairs_digest(user_ids: Sequence[str], item_ids: Sequence[str], users: Int32s, items: Int32s) -> str:
    """Sha256 (hex) of the pairs of raw ids, each as often as it stands there, whatever their order."""
    return hashlib.sha256(np.sort(row_hashes(user_ids, item_ids, users, items, None)).tobytes()).hexdigest()


def content_digest(
    *,
    user_ids: Sequence[str],
    item_ids: Sequence[str],
    columns: Sequence[npt.NDArray[np.generic] | None],
    features: Sequence[Feature],
) -> str:
    """Sha256 (hex) of ids, columns (in order, None where absent) and features."""
    digest = hashlib.sha256(DIGEST_VERSION)
    for part in _content(user_ids, item_ids, columns, features):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def _content(
    user_ids: Sequence[str],
    item_ids: Sequence[str],
    columns: Sequence[npt.NDArray[np.generic] | None],
    features: Sequence[Feature],
) -> Iterator[bytes | memoryview]:
    yield from (json.dumps(list(ids), ensure_ascii=False).encode() for ids in (user_ids, item_ids))
    yield from (b"absent" if c is None else as_bytes(c) for c in columns)
    for feature in features:
        yield f"{feature.side} {feature.kind} {feature.name}".encode()
        if isinstance(feature, Categorical):
            yield from (as_bytes(feature.indptr), as_bytes(feature.codes))
        else:
            yield as_bytes(feature.values)


def as_bytes(column: npt.NDArray[np.generic]) -> memoryview:
    """The bytes of an array, not copied."""
    return np.ascontiguousarray(column).view(np.uint8).data
