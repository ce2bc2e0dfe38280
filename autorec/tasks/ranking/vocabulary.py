"""From the values of a categorical column to the codes that a model sees, learned from train alone.

    0                 missing
    1 .. buckets      values without a code of their own: new ones, and those that train holds once
    then              the others, the most frequent first

One bucket as a rule. Where more than `CAP` values are frequent enough, the rest are hashed into `BUCKETS` of them. A
value that train holds once tells no more than an unseen one, so both share a code, which is thereby trained.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from autorec.tasks.datasets import Bools, Int32s
from autorec.tasks.ranking.impressions import CHUNK, Category, Texts

LEAST_COUNT = 2
CAP = 100_000
BUCKETS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vocabulary:
    """`code_of` int32 [n_values + 1]: the code of each value of the column, of a missing one at index -1."""

    code_of: Int32s
    n_codes: int
    n_buckets: int

    def encode(self, codes: Int32s) -> Int32s:
        """What stands for the values of these codes of the column: int32 [n], each below `n_codes`."""
        return self.code_of[codes]

    def is_shared(self, codes: Int32s) -> Bools:
        """Which codes stand for values without one of their own."""
        return (codes >= 1) & (codes <= self.n_buckets)


def learn(field: Category, train: Bools, cap: int = CAP, buckets: int = BUCKETS) -> Vocabulary:
    """The vocabulary of a column, from the rows of train (bool [n]); the same data always give the same."""
    known = field.codes[train & (field.codes >= 0)]
    counts = np.bincount(known, minlength=len(field.values))
    frequent = np.flatnonzero(counts >= LEAST_COUNT)
    frequent = frequent[np.argsort(-counts[frequent], kind="stable")]
    own, n_buckets = (frequent[:cap], buckets) if len(frequent) > cap else (frequent, 1)
    code_of = np.zeros(len(field.values) + 1, dtype=np.int32)
    code_of[:-1] = 1
    code_of[own] = 1 + n_buckets + np.arange(len(own))
    if n_buckets > 1:
        rest = np.flatnonzero(code_of[:-1] == 1)
        code_of[rest] += _hashes(field.values[rest]) % n_buckets
    return Vocabulary(code_of=code_of, n_codes=1 + n_buckets + len(own), n_buckets=n_buckets)


def _hashes(values: Texts) -> Int32s:
    hashes = np.empty(len(values), dtype="<u4")
    for first in range(0, len(values), CHUNK):
        some = values[first : first + CHUNK].tolist()
        raw = b"".join([hashlib.blake2b(value.encode(), digest_size=4).digest() for value in some])
        hashes[first : first + len(some)] = np.frombuffer(raw, dtype="<u4")
    return (hashes >> 1).astype(np.int32)
