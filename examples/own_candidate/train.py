"""Each event counts half as much as one that is `half_life` places newer in its user's history."""

import torch
from reckit import Data


def fit(recommender, data: Data, params, run) -> None:
    """Train in place, and say when there is a usable model."""
    weights = 0.5 ** (data.ranks_from_end / params.half_life)
    recommender.weight.copy_(torch.bincount(data.items.long(), weights=weights, minlength=data.n_items))
    run.checkpoint(recommender)
