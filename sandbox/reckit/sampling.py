"""Batches and negative samples, vectorised; every draw comes from the generator given."""

from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor

from reckit.events import EventLog

ROUNDS = 16


def batches(n: int, size: int, generator: Generator) -> Iterator[Tensor]:
    """Each of 0..n-1 once, in random order: int64 tensors of `size`, the last one shorter."""
    yield from torch.randperm(n, generator=generator).split(size)


def uniform_negatives(
    log: EventLog, users: Tensor, n: int, generator: Generator, *, avoid_seen: bool = False
) -> Tensor:
    """`n` items for each user of `users` [b], all items alike: int64 [b, n]. See `popularity_negatives`."""

    def draw(size: tuple[int, ...]) -> Tensor:
        return torch.randint(log.n_items, size, generator=generator)

    return _sample(log, users, n, draw, avoid_seen)


def popularity_negatives(
    log: EventLog,
    users: Tensor,
    n: int,
    generator: Generator,
    *,
    power: float = 0.75,
    uniform: float = 0.0,
    avoid_seen: bool = False,
) -> Tensor:
    """`n` items for each user of `users` [b], drawn by `popularity_shares`: int64 [b, n].

    With `avoid_seen`, items in the user's log are drawn again, up to 16 times; what a user who has seen nearly
    everything then still holds stays.
    """
    edges = popularity_shares(log, power=power, uniform=uniform).cumsum(0)  # [n_items]

    def draw(size: tuple[int, ...]) -> Tensor:
        at = torch.rand(size, generator=generator, dtype=torch.float64) * edges[-1]
        return torch.searchsorted(edges, at, right=True).clamp(max=log.n_items - 1)

    return _sample(log, users, n, draw, avoid_seen)


def popularity_shares(log: EventLog, *, power: float = 0.75, uniform: float = 0.0) -> Tensor:
    """The probability of each item when a share `uniform` of the draws takes all items alike, float64 [n_items].

    The other draws take them in proportion to (events of the item) ** power. Both together are mixed negatives (Yang
    et al. 2020); the logarithm corrects a sampled softmax (Yi et al. 2019).
    """
    weights = log.item_counts.double().pow(power)
    return (1 - uniform) * weights / weights.sum() + uniform / log.n_items


def _sample(
    log: EventLog, users: Tensor, n: int, draw: Callable[[tuple[int, ...]], Tensor], avoid_seen: bool
) -> Tensor:
    negatives = draw((len(users), n))
    for _ in range(ROUNDS if avoid_seen else 0):
        seen = log.contains(users[:, None], negatives)
        if not seen.any():
            break
        negatives[seen] = draw((int(seen.sum()),))
    return negatives
