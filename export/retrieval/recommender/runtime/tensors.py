"""The model for other systems: item vectors for a nearest-neighbour index, a torch.export program."""

from pathlib import Path
from typing import Any

import numpy as np
import reckit
import torch
from recommender.runtime.program import write_program
from recommender.runtime.refusal import Refusal
from recommender.runtime.role import Recommender
from torch import Tensor, nn


def item_vectors(recommender: Recommender) -> np.ndarray:
    """Float32 [n_items, d], in the order of items.csv. Raises Refusal where the model has no one table of them."""
    model, n_items = recommender.model, len(recommender.items.raw)
    declared = getattr(model, "item_vectors", None)
    tables = [declared] if isinstance(declared, Tensor) else _tables(model, n_items)
    if len(tables) != 1:
        shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in model.state_dict().items())
        raise Refusal(
            f"the model has {len(tables) or 'no'} tables of item vectors to make an index of; it has {shapes}",
            "let the model have a property `item_vectors`, [n_items, d], or recommend from its scores",
        )
    return np.ascontiguousarray(tables[0].detach().float().cpu().numpy()[:n_items])


def _tables(model: Any, n_items: int) -> list[Tensor]:
    """Embeddings of the model itself (not of a part of it) with a row an item, and perhaps one for padding."""
    children = model.children() if isinstance(model, nn.Module) else ()
    return [c.weight for c in children if isinstance(c, nn.Embedding) and c.num_embeddings in (n_items, n_items + 1)]


class Scorer(nn.Module):
    """`score` as a function of tensors: users [b], and a log of events sorted by user, then time (see reckit)."""

    def __init__(self, model: nn.Module, n_items: int) -> None:
        super().__init__()
        self.model = model
        self.n_items = n_items

    def forward(
        self, users: Tensor, indptr: Tensor, items: Tensor, timestamps: Tensor | None, values: Tensor | None
    ) -> Tensor:
        log = reckit.EventLog(
            n_users=indptr.shape[0] - 1,
            n_items=self.n_items,
            indptr=indptr,
            items=items,
            timestamps=timestamps,
            values=values,
        )
        return self.model.score(log, users)  # type: ignore[no-any-return]


def torch_export(recommender: Recommender, file: Path) -> float:
    """Write the scorer as a torch.export program, and return by how much its scores differ from the model's at most.

    Raises Refusal where the model cannot be exported.
    """
    model, history = recommender.model, recommender.history
    if not isinstance(model, nn.Module) or not hasattr(model, "score"):
        raise Refusal(
            "only a torch module that gives scores can be exported", "call it from Python: recommender.load()"
        )
    log = (history.indptr, history.items, history.timestamps, history.values)
    users, fewer = torch.arange(min(7, history.n_users - 1)), _without_last_user(history)
    scorer = Scorer(model, history.n_items)
    return write_program(scorer, (torch.arange(2), *log), [(users, *log), (users, *fewer)], file)


def _without_last_user(history: reckit.History) -> tuple[Tensor | None, ...]:
    """A log of another size."""
    end = int(history.indptr[-2])
    optional = (None if column is None else column[:end] for column in (history.timestamps, history.values))
    return history.indptr[:-1], history.items[:end], *optional
