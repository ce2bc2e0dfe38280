"""What *predict* means for ranking: how likely a click on each of the rows is."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import reckit
import torch
from recommender.runtime.features import Features
from recommender.runtime.folder import Trained
from recommender.runtime.refusal import Refusal
from recommender.runtime.rest import at_rest
from recommender.runtime.table import table_of

ROWS_PER_BATCH = 4096
"""As when it was judged: the last digits depend on how many rows are scored at once."""


class Recommender:
    """A click model, and what it takes to read rows for it."""

    def __init__(self, trained: Trained) -> None:
        self.trained = trained
        self.features = Features.open(trained)

    @cached_property
    def model(self) -> Any:
        return self.trained.model(self.trained.data())

    def predict(self, rows: Sequence[Mapping[str, object]]) -> list[float]:
        """The probability of a click for each row, a value by name of the column; None and NaN are not known.

        Raises Refusal where a column is missing, or a value does not fit it.
        """
        return self.answer(self.features.encode(table_of(rows, self.features.layout))).tolist() if rows else []

    def answer(self, rows: reckit.Rows) -> np.ndarray:
        """Float32 [n], in the order of the rows."""
        return probabilities(self.model, rows)


def probabilities(model: Any, rows: reckit.Rows) -> np.ndarray:
    """Float32 [n] of a model's own. Raises Refusal where it gives none for a row."""
    with at_rest(model):
        answers = [
            torch.as_tensor(model.score_pairs(rows.take(slice(at, at + ROWS_PER_BATCH)))).cpu().to(torch.float32)
            for at in range(0, len(rows), ROWS_PER_BATCH)
        ]
    found = torch.cat(answers).numpy()
    fine = (found >= 0) & (found <= 1)
    if not fine.all():
        row = int(np.argmin(fine))
        raise Refusal(
            f"row {row + 1}: the model gives {found[row]}, which is no probability, and so for {(~fine).sum():,} rows",
            "see which values are missing or out of range there that never were in training",
        )
    return found
