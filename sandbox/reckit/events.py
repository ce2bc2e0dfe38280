"""A log of events grouped by user: what training data and prediction-time history have in common."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class EventLog:
    """Events sorted by user, then time; those of user u are rows `indptr[u]:indptr[u + 1]`, oldest first.

    `indptr` int64 [n_users + 1]; `items` int32 [n]; `timestamps` int64 [n], seconds, or None; `values` float32 [n],
    rating or weight, or None. All are private copy-on-write maps of files: writing to them changes no file.
    """

    n_users: int
    n_items: int
    indptr: Tensor
    items: Tensor
    timestamps: Tensor | None
    values: Tensor | None

    @property
    def n_interactions(self) -> int:
        """Number of events, repeated (user, item) pairs included."""
        return self.items.shape[0]  # not len(), which torch.export takes for a constant

    @cached_property
    def lengths(self) -> Tensor:
        """Events of each user, int64 [n_users]."""
        return self.indptr.diff()

    @cached_property
    def users(self) -> Tensor:
        """The user of each event, int64 [n]."""
        return torch.repeat_interleave(torch.arange(self.n_users), self.lengths)

    @cached_property
    def item_counts(self) -> Tensor:
        """Events of each item, int64 [n_items]."""
        return torch.bincount(self.items, minlength=self.n_items)

    @cached_property
    def ranks_from_end(self) -> Tensor:
        """How many events of the same user came later, int64 [n]: 0 for each user's newest event."""
        return self.indptr[1:][self.users] - 1 - torch.arange(self.n_interactions)

    def sequences(self, max_len: int, users: Tensor | None = None) -> Tensor:
        """The newest `max_len` items of each user, oldest first: int64 [len(users), max_len].

        Left-padded with `n_items`; all users in order when none are named.
        """
        rows, outside = self._newest_rows(max_len, users)
        if not self.n_interactions:
            return torch.full(rows.shape, self.n_items)
        return self.items[rows.clamp(min=0)].long().masked_fill(outside, self.n_items)

    def times(self, max_len: int, users: Tensor | None = None) -> Tensor:
        """Timestamps beside `sequences`, in seconds: int64 [len(users), max_len].

        Where `sequences` is padded stands the time of the oldest event in the row. Without timestamps, and for users
        without events, all are 0, so that no time ever seems to pass.
        """
        rows, outside = self._newest_rows(max_len, users)
        if self.timestamps is None or not self.n_interactions:
            return torch.zeros_like(rows)
        oldest = (rows + outside.sum(1, keepdim=True))[:, :1].clamp(max=self.n_interactions - 1)  # [b, 1]
        times = self.timestamps[torch.where(outside, oldest, rows)]
        return times.masked_fill(outside.all(1, keepdim=True), 0)

    def seen(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """Every event of `users` as (position in `users`, item), each int64 [m]: `scores[history.seen(users)] = 0`."""
        rows, positions = self._events_of(users)
        return positions, self.items[rows].long()

    def csr(self, users: Tensor | None = None) -> csr_matrix:
        """Who interacted with what, float32 ones [len(users), n_items]; repeated pairs count once."""
        matrix = self.weighted_csr(torch.ones(1).expand(self.n_interactions), users)
        matrix.data[:] = 1.0
        return matrix

    def weighted_csr(self, weights: Tensor, users: Tensor | None = None) -> csr_matrix:
        """A weight for each event of the log [n] as a float32 matrix [len(users), n_items]; repeated pairs add up."""
        if users is None:
            users = torch.arange(self.n_users)
        rows, _ = self._events_of(users)
        starts = np.concatenate(([0], self.lengths[users].cumsum(0).numpy()))
        matrix = csr_matrix(
            (weights[rows].float().numpy(), self.items[rows].numpy(), starts), shape=(len(users), self.n_items)
        )
        matrix.sum_duplicates()
        return matrix

    def recency(self, half_life: float, users: Tensor | None = None) -> csr_matrix:
        """Weights 0.5 ** (rank_from_end / half_life): 1 for a user's newest item, one half `half_life` items before.

        Float32 [len(users), n_items]; repeated pairs add up.
        """
        return self.weighted_csr(0.5 ** (self.ranks_from_end / half_life), users)

    def before(self, rows: Tensor, half_life: float) -> csr_matrix:
        """What the user of each row of the log had taken before it, float32 [len(rows), n_items].

        Weights 0.5 ** (place / half_life), 1 for the event just before; below 0.02 they are left out. Pairs add up.
        """
        return self._nearby(rows, half_life, -1 - torch.arange(_reach(half_life)))

    def after(self, rows: Tensor, half_life: float) -> csr_matrix:
        """Each row's own item, of weight 1, and what its user took after it; weights as in `before`."""
        return self._nearby(rows, half_life, torch.arange(_reach(half_life)))

    def contains(self, users: Tensor, items: Tensor) -> Tensor:
        """Whether each (user, item) pair is in the log; `users` and `items` broadcast, the answer has their shape."""
        keys = users * self.n_items + items
        at = torch.searchsorted(self._pairs, keys).clamp(max=max(len(self._pairs) - 1, 0))
        return self._pairs[at] == keys if len(self._pairs) else torch.zeros_like(keys, dtype=torch.bool)

    def shuffle_ties(self, generator: torch.Generator) -> Self:
        """The same log with each user's events of equal timestamp in random order: their order is unknown.

        Without timestamps the order is all there is, and the log is returned as it stands.
        """
        if self.timestamps is None:
            return self
        starts_group = torch.ones(self.n_interactions, dtype=torch.bool)
        starts_group[1:] = (self.timestamps.diff() != 0) | (self.users.diff() != 0)
        noise = torch.rand(self.n_interactions, generator=generator, dtype=torch.float64)
        order = torch.argsort(starts_group.cumsum(0) + noise)
        values = None if self.values is None else self.values[order]
        return replace(self, items=self.items[order], values=values)

    def _newest_rows(self, max_len: int, users: Tensor | None) -> tuple[Tensor, Tensor]:
        """Rows of the log of the newest `max_len` events of each user, and which lie before the user's first."""
        if users is None:
            users = torch.arange(self.n_users)
        rows = self.indptr[users + 1, None] - max_len + torch.arange(max_len)  # [b, max_len]
        return rows, rows < self.indptr[users, None]

    @cached_property
    def _pairs(self) -> Tensor:
        """Distinct (user, item) pairs as sorted keys user * n_items + item."""
        return torch.unique(self.users * self.n_items + self.items)

    def _nearby(self, rows: Tensor, half_life: float, steps: Tensor) -> csr_matrix:
        """The items `steps` [w] away from each row and of the same user, each weighing half after `half_life` steps."""
        near = rows[:, None] + steps  # [m, w], row numbers of the log
        owners = self.users[rows, None]
        inside = (near >= self.indptr[owners]) & (near < self.indptr[owners + 1])
        weights = 0.5 ** (torch.arange(len(steps)) / half_life)
        starts = np.concatenate(([0], inside.sum(1).cumsum(0).numpy()))
        matrix = csr_matrix(
            (weights.expand_as(inside)[inside].numpy(), self.items[near[inside]].numpy(), starts),
            shape=(len(rows), self.n_items),
        )
        matrix.sum_duplicates()
        return matrix

    def _events_of(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of the log of `users`, in their order, and the position in `users` each belongs to."""
        lengths = self.lengths[users]
        positions = torch.repeat_interleave(torch.arange(len(users)), lengths)
        first = self.indptr[users] - (lengths.cumsum(0) - lengths)
        return first[positions] + torch.arange(len(positions)), positions


def _reach(half_life: float) -> int:
    """How many events it takes until a weight has fallen below 0.02."""
    return 1 + int(half_life * math.log2(50))
