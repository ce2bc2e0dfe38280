"""A synthetic world with a known ground truth: the data used when none is given.

People visit in sessions. Each time they either follow the item before to one of its sequels (a directed item graph), or
choose by taste: softmax(sharpness * <taste(t), item> + appeal), where a taste is a lasting one plus an interest of the
moment that changes now and then, appeal is Zipf-distributed, and only items already released can be had. Nobody takes
an item twice. Genres are noisy readings of the latent factors, so features tell something about items nobody has taken.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from autorec.tasks.canonical import Log, assemble
from autorec.tasks.datasets import (
    Bools,
    Categorical,
    Dataset,
    Feature,
    Float32s,
    Float64s,
    Int32s,
    Int64s,
    Numeric,
    offsets,
)

DAY_S = 86_400
NEVER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticWorld:
    """How the world is; the seed settles all else.

    `days` is its span, cut into `epochs` of constant taste; `drift` the probability that a user's interest of the
    moment, of weight `interest` beside the lasting taste, changes from one epoch to the next. `sessions` (of
    `session_length` visits) are means a user. `follow` is the probability of a sequel within a session, `resume` that
    of a sequel to the session before; `sequels` is how many an item has. `late` is the share of items released during
    the span (the others are there from the start), and of users who join during it.
    """

    n_users: int = 1200
    n_items: int = 600
    n_genres: int = 12
    days: int = 180
    epochs: int = 12
    sessions: float = 12.0
    session_length: float = 4.0
    drift: float = 0.2
    interest: float = 1.2
    sharpness: float = 8.0
    zipf: float = 0.6
    follow: float = 0.5
    resume: float = 0.4
    sequels: int = 4
    late: float = 0.15
    start: int = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What drives the choices in a world, in the numbering of its data set.

    `tastes` [epochs, n_users, n_genres] and `factors` [n_items, n_genres] are float32 unit vectors, `appeal` [n_items]
    log-popularity, `released` [n_items] days, `sequels` int32 [n_items, k] by falling probability `sequel_odds` [k].
    """

    world: SyntheticWorld
    tastes: Float32s
    factors: Float32s
    appeal: Float32s
    released: Float32s
    sequels: Int32s
    sequel_odds: Float64s

    def epoch(self, time: int) -> int:
        """The epoch of a time in seconds since 1970; times outside the span count to the nearest."""
        elapsed = (time - self.world.start) * self.world.epochs // (self.world.days * DAY_S)
        return int(np.clip(elapsed, 0, self.world.epochs - 1))

    def true_scores(self, users: Int32s, time: int, previous: Int32s | None = None, begins: bool = False) -> Float32s:
        """Probabilities [q, n_items] of the next choice at `time`, before items already taken are left out.

        `previous` int32 [q] holds the item taken just before, -1 where there is none; `begins` says that the choice
        opens a session.
        """
        chosen = self.by_taste(self.epoch(time), users)
        if previous is None:
            return chosen
        odds_of_sequel = self.world.resume if begins else self.world.follow
        following = np.flatnonzero(previous != NEVER)
        chosen[following] *= 1 - odds_of_sequel
        for rank, odds in enumerate(self.sequel_odds):
            chosen[following, self.sequels[previous[following], rank]] += odds_of_sequel * odds
        return chosen

    def by_taste(self, epoch: int, users: Int32s) -> Float32s:
        """Probabilities [q, n_items] of a choice by taste; items not yet released when the epoch begins have none."""
        logits = self.world.sharpness * self.tastes[epoch, users] @ self.factors.T + self.appeal
        logits[:, self.released > epoch * self.world.days / self.world.epochs] = -np.inf
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Visits:
    """Chances to take an item, sorted by user and time: int32 users, int64 seconds, whether a session begins."""

    users: Int32s
    times: Int64s
    begins: Bools


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Generated:
    """The log of a world, and what drove it."""

    dataset: Dataset
    truth: Truth


def generate(world: SyntheticWorld) -> Generated:
    """Let the people of a world visit. The same world always gives the same log."""
    truth = _truth(world)
    visits = _visits(world)
    items = _take_items(truth, visits)
    taken = items != NEVER
    log = Log(
        user_ids=tuple(f"u{i:06d}" for i in range(world.n_users)),
        item_ids=tuple(f"i{i:06d}" for i in range(world.n_items)),
        users=visits.users[taken],
        items=items[taken],
        times=visits.times[taken],
    )
    return Generated(dataset=assemble(log, name="synthetic", features=_features(truth)), truth=truth)


def write_csv(dataset: Dataset, path: Path) -> None:
    """Write the interactions as user_id,item_id[,timestamp][,rating]."""
    columns: dict[str, list[str] | list[int] | list[float]] = {
        "user_id": [dataset.user_ids[u] for u in dataset.users],
        "item_id": [dataset.item_ids[i] for i in dataset.items],
    }
    if dataset.timestamps is not None:
        columns["timestamp"] = dataset.timestamps.tolist()
    if dataset.values is not None:
        columns["rating"] = dataset.values.tolist()
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _random(world: SyntheticWorld, purpose: int) -> np.random.Generator:
    """A stream of its own for each purpose, so that one does not shift another."""
    return np.random.default_rng([world.seed, purpose])


def _unit(vectors: Float64s) -> Float64s:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _truth(world: SyntheticWorld) -> Truth:
    rng = _random(world, 0)
    factors = _item_factors(world, rng)
    appeal = -world.zipf * np.log1p(rng.permutation(world.n_items))
    late = rng.random(world.n_items) < world.late
    odds = 0.5 ** np.arange(1, world.sequels + 1)
    return Truth(
        world=world,
        tastes=_tastes(world, rng).astype(np.float32),
        factors=factors.astype(np.float32),
        appeal=appeal.astype(np.float32),
        released=np.where(late, rng.uniform(0, world.days, world.n_items), 0).astype(np.float32),
        sequels=_sequels(world, factors, rng),
        sequel_odds=odds / odds.sum(),
    )


def _item_factors(world: SyntheticWorld, rng: np.random.Generator) -> Float64s:
    """One genre in the foreground, sometimes a second, and noise: [n_items, n_genres]."""
    axes = np.eye(world.n_genres)
    main, second = rng.integers(world.n_genres, size=(2, world.n_items))
    mixed = axes[main] + 0.7 * axes[second] * (rng.random(world.n_items) < 0.5)[:, None]
    return _unit(mixed + rng.normal(0, 0.2, mixed.shape))


def _tastes(world: SyntheticWorld, rng: np.random.Generator) -> Float64s:
    """A sparse lasting taste plus the interest of the moment, one genre: [epochs, n_users, n_genres]."""
    lasting = _unit(rng.exponential(1.0, (world.n_users, world.n_genres)) ** 2)
    genres = np.eye(world.n_genres)
    interest = rng.integers(world.n_genres, size=world.n_users)
    tastes = []
    for _ in range(world.epochs):
        tastes.append(_unit(lasting + world.interest * genres[interest]))
        changes = rng.random(world.n_users) < world.drift
        interest = np.where(changes, rng.integers(world.n_genres, size=world.n_users), interest)
    return np.stack(tastes)


def _sequels(world: SyntheticWorld, factors: Float64s, rng: np.random.Generator) -> Int32s:
    """Items that follow an item: near in taste, but directed. int32 [n_items, sequels]."""
    nearness = 4.0 * factors @ factors.T + rng.gumbel(size=(world.n_items, world.n_items))
    np.fill_diagonal(nearness, -np.inf)
    return np.argsort(-nearness, axis=1)[:, : world.sequels].astype(np.int32)


def _visits(world: SyntheticWorld) -> _Visits:
    rng = _random(world, 1)
    span = world.days * DAY_S
    joined = np.where(rng.random(world.n_users) < world.late, rng.uniform(0, 0.9 * span, world.n_users), 0.0)
    activity = rng.lognormal(-0.18, 0.6, world.n_users) * world.sessions * (1 - joined / span)
    owners = np.repeat(np.arange(world.n_users), 1 + rng.poisson(activity))
    begins_at = rng.uniform(joined[owners], span)
    lengths = rng.geometric(1 / world.session_length, len(owners))
    session = np.repeat(np.arange(len(owners)), lengths)
    place = np.arange(len(session)) - offsets(session, len(owners))[session]
    gaps = rng.integers(20, 300, len(session)) * (place > 0)
    within = np.cumsum(gaps)
    within -= within[offsets(session, len(owners))[session]]
    times = world.start + begins_at[session].astype(np.int64) + within
    order = np.lexsort([place, times, owners[session]])
    return _Visits(users=owners[session][order].astype(np.int32), times=times[order], begins=(place == 0)[order])


def _take_items(truth: Truth, visits: _Visits, tries: int = 6) -> Int32s:
    """The item taken at each visit, -1 where all tries had been taken before: int32 [n].

    Works through the visits by their place in each user's row of visits, all users at once.
    """
    world, rng = truth.world, _random(truth.world, 2)
    wished = _draw_by_taste(truth, visits, tries, rng)
    follows = rng.random(len(visits.users)) < np.where(visits.begins, world.resume, world.follow)
    ranks = rng.choice(world.sequels, size=(len(visits.users), tries), p=truth.sequel_odds)
    indptr = offsets(visits.users, world.n_users)
    epochs = _epochs(world, visits.times)
    items = np.full(len(visits.users), NEVER, dtype=np.int32)
    had = np.zeros((world.n_users, world.n_items), dtype=np.bool_)
    last = np.full(world.n_users, NEVER, dtype=np.int32)
    for place in range(int(np.diff(indptr).max())):
        users = np.flatnonzero(np.diff(indptr) > place)
        rows = indptr[users] + place
        sequels = truth.sequels[last[users, None], ranks[rows]]
        may_follow = (follows[rows] & (last[users] != NEVER))[:, None]
        open_now = truth.released[sequels] <= (epochs[rows] * world.days / world.epochs)[:, None]
        offered = np.concatenate([sequels, wished[rows]], axis=1)
        free = ~had[users[:, None], offered]
        free[:, :tries] &= may_follow & open_now
        found = free.any(axis=1)
        taken = offered[np.arange(len(users)), free.argmax(axis=1)]
        items[rows[found]] = taken[found]
        had[users[found], taken[found]] = True
        last[users[found]] = taken[found]
    return items


def _epochs(world: SyntheticWorld, times: Int64s) -> Int64s:
    return np.clip((times - world.start) * world.epochs // (world.days * DAY_S), 0, world.epochs - 1)


def _draw_by_taste(truth: Truth, visits: _Visits, tries: int, rng: np.random.Generator) -> Int32s:
    """Independent draws by taste for each visit: int32 [n, tries]."""
    drawn = np.empty((len(visits.users), tries), dtype=np.int32)
    epochs = _epochs(truth.world, visits.times)
    for epoch in range(truth.world.epochs):
        rows = np.flatnonzero(epochs == epoch)
        users, place = np.unique(visits.users[rows], return_inverse=True)
        steps = np.cumsum(truth.by_taste(epoch, users).astype(np.float64), axis=1)
        steps /= steps[:, -1:]
        ladder = (steps + np.arange(len(users))[:, None]).ravel()
        wanted = place[:, None] + rng.random((len(rows), tries))
        found = np.searchsorted(ladder, wanted, side="right") - place[:, None] * truth.world.n_items
        drawn[rows] = np.clip(found, 0, truth.world.n_items - 1)
    return drawn


def _features(truth: Truth) -> tuple[Feature, ...]:
    """Genres (factors above a noisy threshold, at least the strongest) and the day of release."""
    world = truth.world
    strong = truth.factors + _random(world, 3).normal(0, 0.1, truth.factors.shape) > 0.45
    strong[np.arange(world.n_items), truth.factors.argmax(axis=1)] = True
    rows, genres = np.nonzero(strong)
    return (
        Categorical(
            side="item",
            name="genre",
            indptr=offsets(rows, world.n_items),
            codes=genres.astype(np.int32),
            n_codes=world.n_genres,
        ),
        Numeric(side="item", name="release_day", values=np.floor(truth.released)),
    )
