"""Whether the folder still answers what was judged."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import reckit
import torch
from recommender.runtime.refusal import Refusal
from recommender.runtime.role import Recommender
from recommender.runtime.table import read_table


def count_equal(recommender: Recommender, files: Sequence[Path] = ()) -> tuple[int, int, float]:
    """How many probabilities are the judged ones, bit for bit, how many were judged, and the largest difference.

    Rows are those of `query/`, or, with `files`, the judged ones among those of the files that the run was made on.
    """
    trained = recommender.trained
    if not (trained.path / "judged.npy").is_file():
        raise Refusal(f"{trained.path} has nothing that was judged", "verify the export's own folder")
    judged = np.load(trained.path / "judged.npy")
    rows = _from_files(recommender, files) if files else _as_asked(recommender)
    own = recommender.answer(rows)
    return int(np.count_nonzero(own == judged)), len(judged), float(np.abs(own - judged).max())


def _as_asked(recommender: Recommender) -> reckit.Rows:
    trained = recommender.trained
    return reckit.open_rows(trained.path / "query", like=trained.data())


def _from_files(recommender: Recommender, files: Sequence[Path]) -> reckit.Rows:
    """The judged rows, read anew, in the order in which they were asked."""
    table = read_table(files, recommender.features.layout)
    numbers = np.load(recommender.trained.path / "judged_rows.npy")
    if numbers.max() > len(table):
        raise Refusal(
            f"{', '.join(map(str, files))}: {len(table):,} rows, but row {numbers.max():,} was judged",
            "give the file that the run was made on; of train, valid and test files, the one that was judged",
        )
    return recommender.features.encode(table).take(torch.from_numpy(numbers - 1))
