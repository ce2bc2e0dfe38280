"""The synthetic world: deterministic, and worth searching on."""

from pathlib import Path

import numpy as np
import pytest

from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.datasets import Categorical, Dataset
from autorec.tasks.holdouts import Holdout, ground
from autorec.tasks.parts import rows_of
from autorec.tasks.readers import load
from autorec.tasks.splits import split
from autorec.tasks.synthetic import SyntheticWorld, Truth, generate, write_csv


@pytest.fixture(scope="module")
def world() -> tuple[Dataset, Truth]:
    made = generate(SyntheticWorld())
    return made.dataset, made.truth


def test_tiny_world() -> None:
    dataset = generate(SyntheticWorld(n_users=10, n_items=10)).dataset
    assert (dataset.n_users, dataset.n_items) == (10, 10)
    assert dataset.n_interactions > 10


def test_same_seed_same_world() -> None:
    small = SyntheticWorld(n_users=50, n_items=60)
    assert generate(small).dataset.digest == generate(small).dataset.digest
    assert generate(small).dataset.digest != generate(SyntheticWorld(n_users=50, n_items=60, seed=1)).dataset.digest


def test_nobody_takes_an_item_twice_or_before_its_release(world: tuple[Dataset, Truth]) -> None:
    dataset, truth = world
    assert len(set(zip(dataset.users.tolist(), dataset.items.tolist(), strict=True))) == dataset.n_interactions
    assert dataset.timestamps is not None
    days = (dataset.timestamps - truth.world.start) / 86_400
    assert np.all(truth.released[dataset.items] <= days)


def test_true_scores_are_probabilities(world: tuple[Dataset, Truth]) -> None:
    _, truth = world
    users = np.arange(20, dtype=np.int32)
    time = truth.world.start + 40 * 86_400
    assert np.allclose(truth.true_scores(users, time).sum(axis=1), 1, atol=1e-4)
    after = truth.true_scores(users, time, previous=np.array([3] * 19 + [-1], dtype=np.int32))
    assert np.allclose(after.sum(axis=1), 1, atol=1e-4)
    assert np.all(after[:19, truth.sequels[3, 0]] > 0.2)
    assert np.array_equal(after[19], truth.true_scores(users, time)[19])
    assert np.all(truth.true_scores(users, time)[:, truth.released > 45] == 0)


def test_features_tell_of_tastes(world: tuple[Dataset, Truth]) -> None:
    dataset, truth = world
    genre = dataset.features[0]
    assert isinstance(genre, Categorical)
    assert np.all(np.diff(genre.indptr) >= 1)
    items = np.repeat(np.arange(dataset.n_items), np.diff(genre.indptr))
    assert truth.factors[items, genre.codes].mean() > 0.6


def hit_rate(scores: np.ndarray, truth: Holdout, k: int = 10) -> float:
    """Share of warm users with a hit in the top k, seen items masked."""
    masked = scores[truth.users]
    masked[np.repeat(np.arange(len(truth.users)), np.diff(truth.seen_indptr)), truth.seen_items] = -np.inf
    relevant = np.zeros(masked.shape, dtype=bool)
    relevant[np.repeat(np.arange(len(truth.users)), np.diff(truth.indptr)), truth.items] = True
    top = np.argpartition(-masked, k, axis=1)[:, :k]
    return float(np.take_along_axis(relevant, top, axis=1).any(axis=1)[truth.warm].mean())


def test_default_world_rewards_better_models(world: tuple[Dataset, Truth]) -> None:
    """Popularity < EASE < EASE with a recency-decayed query, on the split that auto takes."""
    dataset, _ = world
    cut = split(dataset)
    assert cut.rule == "temporal"
    truth = ground(dataset, cut, Part.SELECT)
    assert 0 < np.sum(~truth.warm) < 100
    assert np.sum(truth.item_counts[truth.items] == 0) > 0
    rows = rows_of(cut.part, *HISTORY_OF[Part.SELECT])
    users, items = dataset.users[rows], dataset.items[rows]
    x = np.zeros((dataset.n_users, dataset.n_items), dtype=np.float32)
    x[users, items] = 1
    p = np.linalg.inv(x.T @ x + 500 * np.eye(dataset.n_items, dtype=np.float32))
    weights = -p / np.diag(p)
    np.fill_diagonal(weights, 0)
    recent = np.zeros_like(x)
    recent[users, items] = 0.5 ** (
        (np.cumsum(np.bincount(users, minlength=len(x)))[users] - 1 - np.arange(len(users))) / 2
    )
    popular, plain, decayed = (
        hit_rate(s, truth) for s in (np.tile(x.sum(0), (len(x), 1)), x @ weights, recent @ weights)
    )
    assert popular + 0.05 < plain
    assert plain + 0.05 < decayed
    assert decayed < 0.8


def test_csv_round_trip(tmp_path: Path) -> None:
    dataset = generate(SyntheticWorld(n_users=50, n_items=60)).dataset
    write_csv(dataset, tmp_path / "world.csv")
    again = load(tmp_path / "world.csv")
    raw = [(dataset.user_ids[u], dataset.item_ids[i]) for u, i in zip(dataset.users, dataset.items, strict=True)]
    assert raw == [(again.user_ids[u], again.item_ids[i]) for u, i in zip(again.users, again.items, strict=True)]
    assert dataset.timestamps is not None and again.timestamps is not None
    assert np.array_equal(dataset.timestamps, again.timestamps)
