"""From a model's scores to lists of items, exactly as the judge of the search had them made.

Users are scored in fixed groups, and equal scores are put in an order drawn for the group. So the groups and the seed
are kept as they were: first those that were judged, then everybody else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import reckit
import torch
from recommender.runtime.rest import at_rest
from torch import Generator, Tensor

SCORES_PER_GROUP = 1 << 24
MOST_USERS = 256
NOTHING = -1


@dataclass(frozen=True)
class Lists:
    """`items` int64 [b, k], best first, -1 at the end of a row with fewer than k unseen items; `scores` [b, k]."""

    items: Tensor
    scores: Tensor | None

    @classmethod
    def joined(cls, lists: Sequence["Lists"]) -> "Lists":
        """One below the other."""
        scores = [each.scores for each in lists if each.scores is not None]
        return cls(torch.cat([each.items for each in lists]), torch.cat(scores) if scores else None)

    def cut(self, k: int) -> "Lists":
        """The first `k` places."""
        return Lists(self.items[:, :k], None if self.scores is None else self.scores[:, :k])

    def rows(self, chosen: Tensor) -> "Lists":
        """The chosen rows, int64 [m]."""
        return Lists(self.items[chosen], None if self.scores is None else self.scores[chosen])


def recommend(model: Any, history: reckit.History, users: Tensor, *, k: int, depth: int, seed: int) -> Lists:
    """The `k` best unseen items of `users` [b]. Cut from lists of at least `depth`, as long as those judged."""
    wanted = torch.zeros(history.n_users, dtype=torch.bool)
    wanted[users] = True
    row_of = torch.empty(history.n_users, dtype=torch.int64)  # of a user, among the rows that are answered
    generator, answers, n_rows = Generator().manual_seed(seed), [], 0
    for group in groups(history):
        if not wanted[group].any():
            torch.randperm(history.n_items, generator=generator)  # what `masked_topk` would have drawn
            continue
        row_of[group] = n_rows + torch.arange(len(group))
        n_rows += len(group)
        answers.append(answer(model, history, group, max(k, depth), generator).cut(k))
    return Lists.joined(answers).rows(row_of[users])


def groups(history: reckit.History) -> Iterator[Tensor]:
    """All users in the groups in which they are scored: those asked for when the model was judged, then the others."""
    size = min(MOST_USERS, max(1, SCORES_PER_GROUP // max(1, history.n_items)))
    others = torch.ones(history.n_users, dtype=torch.bool)
    others[history.asked] = False
    for users in (history.asked, others.nonzero()[:, 0]):
        if len(users):
            yield from users.split(size)


def answer(model: Any, history: reckit.History, users: Tensor, k: int, generator: Generator) -> Lists:
    """What the model says of one group."""
    with at_rest(model):
        if not hasattr(model, "score"):
            return Lists(torch.as_tensor(model.recommend(history, users, k)).long(), None)
        scores = torch.as_tensor(model.score(history, users)).cpu()  # [b, n_items]
    items = reckit.masked_topk(scores, history, users, k, generator)
    return Lists(items, scores.gather(1, items.clamp(min=0)))


def with_newcomer(history: reckit.History, items: list[int]) -> tuple[reckit.History, int]:
    """The history with one more user, who took `items` in this order just now; and the number of that user."""
    n = len(items)
    now = None if history.timestamps is None else history.timestamps.max().expand(n)
    usual = None if history.values is None else history.values.mean().expand(n)
    longer = replace(
        history,
        n_users=history.n_users + 1,
        indptr=torch.cat((history.indptr, history.indptr[-1:] + n)),
        items=torch.cat((history.items, torch.tensor(items, dtype=history.items.dtype))),
        timestamps=None if now is None else torch.cat((history.timestamps, now)),
        values=None if usual is None else torch.cat((history.values, usual)),
    )
    return longer, history.n_users
