"""From the values of a categorical column to the codes that the model sees.

    0                 missing
    1 .. n_buckets    values without a code of their own: new ones, and rare ones
    then              the others

One bucket as a rule; where there are too many frequent values for codes of their own, the rest are hashed into more.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from recommender.runtime.columns import MISSING_TEXTS, Column
from recommender.runtime.ids import Ids

LEAST_COUNT = 2
CAP = 100_000
BUCKETS = 1_000


@dataclass(frozen=True)
class Vocabulary:
    """`own` are the values with a code of their own; the code is 1 + n_buckets + the number in there."""

    own: Ids
    n_buckets: int

    @property
    def n_codes(self) -> int:
        return 1 + self.n_buckets + len(self.own.raw)

    def encode(self, column: Column) -> np.ndarray:
        """Codes int32 [n], each below `n_codes`."""
        return self.codes(column.texts)[column.codes]

    def codes(self, texts: Sequence[str]) -> np.ndarray:
        """Codes int32 of values."""
        numbers = self.own.numbers
        first = 1 + self.n_buckets
        found = (first + numbers[t] if t in numbers else 0 if t in MISSING_TEXTS else self._shared(t) for t in texts)
        return np.fromiter(found, dtype=np.int32, count=len(texts))

    def _shared(self, text: str) -> int:
        return 1 + (_hash(text) % self.n_buckets if self.n_buckets > 1 else 0)


def learn(column: Column, train: np.ndarray, cap: int = CAP, buckets: int = BUCKETS) -> Vocabulary:
    """The vocabulary of a column, from the rows of train (bool [n]): values that these hold twice, frequent ones first.

    The order of the rows leaves no trace in it.
    """
    values = np.array([text not in MISSING_TEXTS for text in column.texts], dtype=bool)
    counts = np.bincount(column.codes[train], minlength=len(values)) * values
    frequent = [(-int(counts[code]), text) for code, text in enumerate(column.texts) if counts[code] >= LEAST_COUNT]
    own = [text for _, text in sorted(frequent)]
    return Vocabulary(Ids("value", tuple(own[:cap])), buckets if len(own) > cap else 1)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little") >> 1
