"""What a job asks of a recommender: the query says it, never the candidate."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import answers
import numpy as np
import reckit
import scores
import torch

Question = Callable[[Any, torch.Generator], np.ndarray]
"""A recommender's answer, as it is written; ties are broken by the generator. Raises ContractError."""


def open_question(folder: Path, data: Any) -> Question:
    """The question in a query folder, to a recommender that was built for `data`."""
    meta = json.loads((folder / "meta.json").read_text())
    return QUESTIONS[meta["answer"]](folder, data, meta)


def _lists(folder: Path, data: Any, meta: Mapping[str, Any]) -> Question:
    history = reckit.open_history(folder, data.n_items)
    return lambda recommender, generator: answers.top_k(recommender, history, k=meta["k"], generator=generator)


def _probabilities(folder: Path, data: Any, meta: Mapping[str, Any]) -> Question:
    rows = reckit.open_rows(folder, like=data)
    return lambda recommender, generator: scores.probabilities(recommender, rows)


QUESTIONS: Mapping[str, Callable[[Path, Any, Mapping[str, Any]], Question]] = {
    "lists": _lists,
    "probabilities": _probabilities,
}
