"""From scores to a list: what was seen is masked, ties are broken at random."""

import torch
from torch import Generator, Tensor

from reckit.events import EventLog


def masked_topk(scores: Tensor, history: EventLog, users: Tensor, k: int, generator: Generator) -> Tensor:
    """The k best unseen items of each user, best first: int64 [b, k] from `scores` [b, n_items].

    -1 fills the end of a row with fewer than k unseen items. Equal scores are ordered at random (the columns are
    permuted before the cut), so constant scores are worth a random list. `scores` is not changed.

    Raises ValueError when the shape is not [len(users), n_items] or a score is not finite.
    """
    expected = (len(users), history.n_items)
    if tuple(scores.shape) != expected:
        raise ValueError(f"scores have shape {list(scores.shape)}; expected [users, n_items] = {list(expected)}")
    scores = scores.detach().float()
    bad = int((~torch.isfinite(scores)).sum())
    if bad:
        raise ValueError(f"{bad} of {scores.numel()} scores are NaN or infinite; expected finite numbers")
    order = torch.randperm(history.n_items, generator=generator)  # column j holds item order[j]
    place = torch.argsort(order)
    shuffled = scores[:, order]
    rows, items = history.seen(users)
    shuffled[rows, place[items]] = -torch.inf
    best = shuffled.topk(min(k, history.n_items), dim=1)
    ranked = order[best.indices].masked_fill(best.values == -torch.inf, -1)
    return torch.nn.functional.pad(ranked, (0, k - ranked.shape[1]), value=-1)
