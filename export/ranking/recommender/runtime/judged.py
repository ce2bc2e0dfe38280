"""Whether the folder still answers what was judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import reckit
import torch
from recommender.runtime.refusal import Refusal
from recommender.runtime.role import Recommender
from recommender.runtime.table import read_table


@dataclass(frozen=True)
class Recomputed:
    """What was judged, computed anew, in the order of the rows of the file: `numbers` int64 [n] are those of the rows,
    from 1, `own` and `judged` float32 [n].
    """

    numbers: np.ndarray
    own: np.ndarray
    judged: np.ndarray

    @property
    def n_equal(self) -> int:
        """How many are the judged ones, bit for bit."""
        return int(np.count_nonzero(self.own == self.judged))

    @property
    def difference(self) -> float:
        """The largest."""
        return float(np.abs(self.own - self.judged).max())


def recompute(recommender: Recommender, files: Sequence[Path] = ()) -> Recomputed:
    """Rows are those of `query/`, or, with `files`, the judged ones among those of the files that the run was made on.

    They are asked as they were, in the same order: the last digits depend on it. Raises Refusal.
    """
    judged = recommender.trained.judged()
    numbers = np.load(recommender.trained.path / "judged_rows.npy")
    rows = _from_files(recommender, files, numbers) if files else _as_asked(recommender)
    order = np.argsort(numbers)
    return Recomputed(numbers[order], recommender.answer(rows)[order], judged[order])


def _as_asked(recommender: Recommender) -> reckit.Rows:
    trained = recommender.trained
    return reckit.open_rows(trained.path / "query", like=trained.data())


def _from_files(recommender: Recommender, files: Sequence[Path], numbers: np.ndarray) -> reckit.Rows:
    """The judged rows, read anew, in the order in which they were asked."""
    table = read_table(files, recommender.features.layout)
    if numbers.max() > len(table):
        raise Refusal(
            f"{', '.join(map(str, files))}: {len(table):,} rows, but row {numbers.max():,} was judged",
            "give the file that the run was made on; of train, valid and test files, the one that was judged",
        )
    return recommender.features.encode(table).take(torch.from_numpy(numbers - 1))
