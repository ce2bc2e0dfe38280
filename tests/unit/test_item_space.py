"""The families without a sequence model: they learn what they are for, hold to their equations, and stay in bounds."""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_space_training import CODE, LENGTH, N_ITEMS, N_USERS, SMALL, SPACE, module, next_item_rate, trained
from tiny_bundle import cyclic_events, write_data, write_query

from autorec.domain.job import Part, Stage
from autorec.judging.ground import Marker
from autorec.judging.metrics import ndcg_at
from autorec.schemas.space import Design
from autorec.tasks.bundle import Permutation, write_training
from autorec.tasks.bundle import write_query as write_real_query
from autorec.tasks.holdouts import ground
from autorec.tasks.splits import split
from autorec.tasks.synthetic import SyntheticWorld, generate

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import reckit

K = 10
LOSSES = ("softmax", "gbce", "bpr")
DESIGNS: dict[str, dict[str, Any]] = {
    "itemknn": {"family": "itemknn", "pairs": "together"},
    "itemknn_next": {"family": "itemknn"},
    "ease": {"family": "linear", "solver": "ease", "query": "plain", "ridge": 50.0},
    "slist": {"family": "linear", "solver": "slist", "ridge": 50.0},
    "slim": {"family": "linear", "solver": "slim", "ridge": 50.0},
    **{f"lightgcn_{loss}": {"family": "graph", "loss": loss} for loss in LOSSES},
    "factorization_features": {"family": "factorization", "features": True, "loss": "bpr"},
    "factorization_features_softmax": {"family": "factorization", "features": True},
    "two_tower": {"family": "two_tower", "mixed": False},
    "two_tower_mixed": {"family": "two_tower", "features": True, "random_items": 64},
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class World:
    """The synthetic world as a candidate sees it, and what the judge knows of its *select* part."""

    def __init__(self, folder: Path) -> None:
        dataset = generate(SyntheticWorld(n_users=300, n_items=120, sessions=8.0)).dataset
        given = split(dataset)
        users, items = (np.arange(n, dtype=np.int32) for n in (dataset.n_users, dataset.n_items))
        permutation = Permutation(users=users, items=items)
        write_training(dataset, given, permutation, Stage.SEARCH.trained_on, folder / "data")
        write_real_query(dataset, given, permutation, Part.SELECT, folder / "query", {"answer": "lists", "k": K})
        holdout = ground(dataset, given, Part.SELECT)
        self.data = reckit.open_data(folder / "data")
        self.history = reckit.open_history(folder / "query", dataset.n_items)
        self._relevant = Marker(holdout.indptr, holdout.items, dataset.n_items)
        self._n_relevant = np.diff(holdout.indptr)

    def ndcg(self, recommender: Any) -> float:
        with torch.no_grad():
            scores = recommender.score(self.history, self.history.asked)
        lists = reckit.masked_topk(scores, self.history, self.history.asked, K, torch.Generator().manual_seed(0))
        return float(ndcg_at(self._relevant.mark(lists.int().numpy()), self._n_relevant, K).mean())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def popularity(world: World) -> float:
    return world.ndcg(trained(SPACE.named("pop"), world.data, 1)[0])


@pytest.mark.parametrize("name", DESIGNS)
def test_each_beats_the_popularity_list_and_keeps_its_state(name: str, world: World, popularity: float):
    small = {"dim": 32, "batch_pairs": 512, "learning_rate": 0.02, "neighbours": 60}
    recommender, fresh = trained(SPACE.complete({**small, **DESIGNS[name]}), world.data, checkpoints=150)
    assert world.ndcg(recommender) > 1.15 * popularity
    users = world.history.asked[:7]
    with torch.no_grad():
        assert torch.equal(recommender.score(world.history, users), fresh.score(world.history, users))


@pytest.fixture
def cycle(tmp_path: Path) -> tuple[reckit.Data, reckit.History]:
    events = cyclic_events(N_USERS, N_ITEMS, LENGTH)
    data = reckit.open_data(write_data(tmp_path / "data", events, N_USERS + 1, N_ITEMS))
    query = write_query(tmp_path / "query", events, N_USERS + 1, range(N_USERS + 1))
    return data, reckit.open_history(query, N_ITEMS)


@pytest.mark.parametrize("name", ["slist", "itemknn_next", "two_tower", "two_tower_mixed"])
def test_what_comes_next_is_learnt(name: str, cycle: tuple[reckit.Data, reckit.History]):
    data, history = cycle
    half_lives = {"half_life": 0.5, "past_half_life": 0.5, "gap_half_life": 0.5, "pool_half_life": 0.5}
    design = SPACE.complete({**SMALL, **half_lives, "shrink": 0.0, "learning_rate": 0.02, **DESIGNS[name]})
    recommender, _ = trained(design, data, checkpoints=80)
    assert next_item_rate(recommender, history) > 0.8


def fitted(design: Design, data: reckit.Data) -> np.ndarray:
    """The weights of an item-to-item model as a dense matrix, a row a target: [n_items, n_items]."""
    recommender, _ = trained(design, data, 1)
    dense = torch.zeros(data.n_items, data.n_items)
    return dense.scatter_(1, recommender.sources.long(), recommender.weights).numpy()


def test_ease_is_its_closed_form(world: World):
    weights = fitted(
        SPACE.complete({"family": "linear", "solver": "ease", "neighbours": 1000, "ridge": 20.0}), world.data
    )
    matrix = world.data.csr().toarray().astype(np.float64)
    inverse = np.linalg.inv(matrix.T @ matrix + 20 * np.eye(world.data.n_items))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(weights.T, expected, atol=1e-5)


def test_slist_joins_what_belongs_together_and_what_follows(cycle: tuple[reckit.Data, reckit.History]):
    data, _ = cycle
    common = {"family": "linear", "neighbours": 1000, "ridge": 10.0}

    def slist(consistency: float) -> np.ndarray:
        return fitted(SPACE.complete({**common, "consistency": consistency}), data)

    ease = fitted(SPACE.complete({**common, "solver": "ease"}), data)
    np.testing.assert_allclose(slist(1.0), ease, atol=1e-5)
    assert (slist(0.0).argmax(0) == (np.arange(N_ITEMS) + 1) % N_ITEMS).all()
    assert np.abs(np.diag(slist(0.3))).max() < 1e-5


def test_slist_is_its_closed_form(world: World):
    """With G = S'S and M = S'T, both weighed: B = P M - P diag(P M) / diag(P), where P = (G + ridge I)^-1."""
    data, consistency, ridge = world.data, 0.4, 20.0
    taken = data.csr().toarray().astype(np.float64)
    past = data.before(torch.arange(data.n_interactions), 2.0).toarray().astype(np.float64)
    items = np.eye(data.n_items)[data.items.numpy()]
    together = consistency * taken.T @ taken
    inverse = np.linalg.inv(together + (1 - consistency) * past.T @ past + ridge * np.eye(data.n_items))
    free = inverse @ (together + (1 - consistency) * past.T @ items)
    expected = free - inverse * (np.diag(free) / np.diag(inverse))
    design = {"neighbours": 1000, "ridge": ridge, "consistency": consistency, "past_half_life": 2.0}
    weights = fitted(SPACE.complete({"family": "linear", **design}), data)
    np.testing.assert_allclose(weights.T, expected, atol=1e-5)


def test_a_catalogue_too_large_for_all_pairs_is_refused_with_what_to_do():
    train = module("train", CODE.render(SPACE.named("ease"))["train.py"])
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (4608 * 2**20, before[1]))
    try:
        with pytest.raises(
            MemoryError, match=r"40,000 items: .* 7\.9 GB, .* 4\.8 GB there are; allow more \(max_memory_mb"
        ):
            train.all_pairs(40_000)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def test_fewer_neighbours_are_the_strongest_of_all(world: World):
    every, few = (
        fitted(SPACE.complete({"family": "linear", "solver": "ease", "neighbours": n}), world.data) for n in (1000, 20)
    )
    kept = few != 0
    taken = world.data.item_counts.numpy() > 0
    assert (kept.sum(1) == np.where(taken, 20, 0)).all()
    np.testing.assert_allclose(few[kept], every[kept], atol=1e-6)
    weakest_kept = np.abs(few).min(1, where=kept, initial=np.inf)
    assert (np.abs(every).max(1, where=~kept, initial=0) <= weakest_kept + 1e-6).all()


def test_slim_meets_the_conditions_of_its_optimum(world: World):
    """Karush-Kuhn-Tucker: no gradient where a weight is positive, none that pulls up where it is 0."""
    lasso, ridge = 2.0, 30.0
    design = SPACE.complete({"family": "linear", "solver": "slim", "neighbours": 1000, "lasso": lasso, "ridge": ridge})
    weights = fitted(design, world.data).T.astype(np.float64)
    matrix = world.data.csr().toarray().astype(np.float64)
    gram = matrix.T @ matrix
    gradient = gram @ weights - gram + ridge * weights + lasso
    off_diagonal = ~np.eye(len(gram), dtype=bool)
    slack = 0.02 * (gram.max() + ridge)  # of a weight that still moves by less than 0.02
    assert (weights >= 0).all()
    assert not np.diag(weights).any()
    assert np.abs(gradient[(weights > 0) & off_diagonal]).max() < slack
    assert gradient[(weights == 0) & off_diagonal].min() > -slack
    assert (weights[off_diagonal] == 0).mean() > 0.2


def test_lightgcn_smooths_by_the_normalised_adjacency(world: World):
    train = module("train", CODE.render(SPACE.named("lightgcn"))["train.py"])
    data = world.data
    users, items = torch.randn(data.n_users, 3), torch.randn(data.n_items, 3)
    pairs = torch.from_numpy(data.csr().toarray())
    sides = (pairs.sum(1).clamp(min=1).rsqrt(), pairs.sum(0).clamp(min=1).rsqrt())
    normalised = sides[0][:, None] * pairs * sides[1]
    smooth_users, smooth_items = train.smoothed(train.normalised(data), users, items, hops=1)
    assert torch.allclose(smooth_users, (users + normalised @ items) / 2, atol=1e-5)
    assert torch.allclose(smooth_items, (items + normalised.T @ users) / 2, atol=1e-5)


def test_a_two_tower_serves_users_whose_history_grew_and_those_without_any(cycle: tuple[reckit.Data, reckit.History]):
    data, history = cycle
    design = SPACE.complete({**SMALL, "family": "two_tower", "features": True, "learning_rate": 0.01})
    recommender, _ = trained(design, data, checkpoints=20)
    shorter = reckit.EventLog(
        n_users=N_USERS, n_items=N_ITEMS, timestamps=None, values=None,
        indptr=torch.arange(N_USERS + 1), items=torch.arange(N_USERS, dtype=torch.int32) % N_ITEMS,
    )  # fmt: skip
    with torch.no_grad():
        known, less = (recommender.score(log, torch.arange(N_USERS)) for log in (history, shorter))
        nothing = recommender.score(history, torch.tensor([N_USERS]))
    assert not torch.allclose(known, less)
    assert torch.isfinite(nothing).all()


def test_logits_are_lowered_by_how_often_an_item_is_offered(cycle: tuple[reckit.Data, reckit.History]):
    """Two events, one further item: the loss is that of plain cross-entropy over logits less log odds."""
    data, _ = cycle
    design = SPACE.complete({**SMALL, "family": "two_tower"})
    files = CODE.render(design)
    torch.manual_seed(0)
    recommender, _ = trained(design, data, checkpoints=2)
    train = module("train", files["train.py"])
    batch, odds = torch.tensor([3, 20]), torch.rand(N_ITEMS) + 0.1
    taken = data.items[batch].long()
    offered = torch.cat((taken, torch.tensor([(int(taken[0]) + 7) % N_ITEMS, int(taken[1])])))
    inputs = recommender.item_inputs()
    tastes = recommender.user_vectors(data.before(batch, 3.0), inputs)
    logits = tastes @ recommender.item_tower(inputs).T / recommender.temperature - odds.log()
    first = torch.nn.functional.cross_entropy(logits[:1, offered], torch.tensor([0]))
    second = torch.nn.functional.cross_entropy(logits[1:, offered[:3]], torch.tensor([1]))  # its own copy is left out
    loss = train.batch_softmax(recommender, data, batch, 3.0, offered, odds)
    assert loss.item() == pytest.approx(((first + second) / 2).item(), rel=1e-5)
