"""A click model's answer: a probability for each row, checked so that the message names the fault."""

from typing import Any

import numpy as np
import torch
from answers import as_tensor, at_rest
from contract import ContractError
from torch import Tensor

ROWS_PER_BATCH = 4096
CALL = "score_pairs(rows)"


def probabilities(recommender: Any, rows: Any) -> np.ndarray:
    """float32 [n_rows], each from 0 to 1, in the order of the rows. Raises ContractError."""
    if not hasattr(recommender, "score_pairs"):
        raise ContractError(
            "a recommender must have score_pairs(rows) -> float [n_rows], the probability of a click; "
            f"{type(recommender).__name__} has none"
        )
    with at_rest(recommender):
        answers = [_answer(recommender, rows.take(slice(at, at + ROWS_PER_BATCH)))
                   for at in range(0, len(rows), ROWS_PER_BATCH)]  # fmt: skip
    return torch.cat(answers).numpy()


def _answer(recommender: Any, rows: Any) -> Tensor:
    scores = as_tensor(recommender.score_pairs(rows), CALL, "float [n_rows]")
    if not scores.is_floating_point():
        raise ContractError(f"{CALL} must return floats; it returned {scores.dtype}")
    if tuple(scores.shape) != (len(rows),):
        raise ContractError(f"{CALL} must return shape {[len(rows)]}; it returned {list(scores.shape)}")
    bad = int((~torch.isfinite(scores)).sum())
    if bad:
        raise ContractError(f"{CALL}: {bad} of {len(scores)} probabilities are NaN or infinite; is a value missing?")
    if float(scores.min()) < 0 or float(scores.max()) > 1:
        raise ContractError(
            f"{CALL} must return probabilities from 0 to 1; it returned {float(scores.min()):.4g} to "
            f"{float(scores.max()):.4g}. Logits become probabilities by torch.sigmoid"
        )
    return scores.to(torch.float32)
