"""The model for other systems: a torch.export program."""

from pathlib import Path

import reckit
import torch
from recommender.runtime.program import Inputs, write_program
from recommender.runtime.refusal import Refusal
from recommender.runtime.role import Recommender
from torch import Tensor, nn

TRIED_ROWS = 1000


class Scorer(nn.Module):
    """`score_pairs` as a function of tensors: the columns of rows [b], as `reckit.Rows` has them."""

    def __init__(self, model: nn.Module, like: reckit.Rows) -> None:
        super().__init__()
        self.model = model
        self.n_codes, self.n_users = like.n_codes, like.n_users

    def forward(self, numeric: Tensor, categorical: Tensor, users: Tensor | None, timestamps: Tensor | None) -> Tensor:
        rows = reckit.Rows(
            numeric=numeric,
            categorical=categorical,
            n_codes=self.n_codes,
            n_users=self.n_users,
            labels=None,
            users=users,
            timestamps=timestamps,
        )
        return self.model.score_pairs(rows)  # type: ignore[no-any-return]


def torch_export(recommender: Recommender, file: Path) -> float:
    """Write the model as a torch.export program, and return by how much its probabilities differ at most.

    Raises Refusal where the model cannot be exported.
    """
    model, rows = recommender.model, recommender.trained.data()
    if not isinstance(model, nn.Module):
        raise Refusal("only a torch module can be exported", "call it from Python: recommender.load()")
    tried = [_inputs(rows.take(torch.arange(n) % len(rows))) for n in (2, 7, TRIED_ROWS)]
    return write_program(Scorer(model, rows), tried[0], tried[1:], file)


def _inputs(rows: reckit.Rows) -> Inputs:
    return rows.numeric, rows.categorical, rows.users, rows.timestamps
