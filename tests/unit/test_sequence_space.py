"""What the encoders and losses of the sequence family promise: no look ahead, time where there is some, learning."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from test_space_training import CODE, ENCODERS, LENGTH, N_ITEMS, N_USERS, SMALL, SPACE, module, next_item_rate, trained
from tiny_bundle import cyclic_events, write_data

from autorec.domain.job import Part, Stage
from autorec.judging.ground import Marker
from autorec.judging.metrics import ndcg_at
from autorec.schemas.space import Design
from autorec.tasks.bundle import Permutation, write_query, write_training
from autorec.tasks.holdouts import ground
from autorec.tasks.splits import split
from autorec.tasks.synthetic import SyntheticWorld, generate

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import reckit

CAUSAL = [encoder for encoder in ENCODERS if encoder != "cloze"]
K = 10


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data(tmp_path: Path) -> reckit.Data:
    return reckit.open_data(
        write_data(tmp_path / "data", cyclic_events(N_USERS, N_ITEMS, LENGTH), N_USERS + 1, N_ITEMS)
    )


def modules(design: Design) -> tuple[Any, Any, Any]:
    """model.py, train.py and the default parameters of a design."""
    files = CODE.render(design)
    params = SimpleNamespace(**{name: entry["default"] for name, entry in json.loads(files["params.json"]).items()})
    return module("model", files["model.py"]), module("train", files["train.py"]), params


def sequence(encoder: str, **more: Any) -> Design:
    return SPACE.complete({**SMALL, "family": "sequence", "encoder": encoder, **more})


def built(data: reckit.Data, design: Design) -> Any:
    model, _, params = modules(design)
    torch.manual_seed(0)
    return model.build(data, params).eval()


@pytest.mark.parametrize("encoder", CAUSAL)
def test_a_state_depends_on_nothing_later(encoder: str, data: reckit.Data):
    timed = encoder in ("attention", "hstu")
    model = built(data, sequence(encoder, layers=2, gaps=timed))
    for parameter in model.parameters():  # away from zeros, so that every path carries something
        torch.nn.init.normal_(parameter, std=0.3)
    sequences = torch.randint(N_ITEMS, (4, 12), generator=torch.Generator().manual_seed(1))
    sequences[:, :2] = N_ITEMS
    times = torch.arange(12).expand(4, -1) ** 3
    changed, later = sequences.clone(), times.clone()
    changed[:, 8:] = (changed[:, 8:] + 1) % N_ITEMS
    later[:, 8:] *= 7
    with torch.no_grad():
        before = model(sequences, times) if timed else model(sequences)
        after = model(changed, later) if timed else model(changed)
    assert torch.allclose(before[:, :8], after[:, :8], atol=1e-5)
    assert not torch.allclose(before[:, 8:], after[:, 8:], atol=1e-3)


def test_a_hidden_item_is_seen_from_both_sides(data: reckit.Data):
    model = built(data, sequence("cloze"))
    sequences = torch.randint(N_ITEMS, (4, 12), generator=torch.Generator().manual_seed(1))
    sequences[:, 6] = N_ITEMS + 1
    changed = sequences.clone()
    changed[:, 9] = (changed[:, 9] + 1) % N_ITEMS
    with torch.no_grad():
        assert not torch.allclose(model(sequences)[:, 6], model(changed)[:, 6], atol=1e-4)


@pytest.mark.parametrize("length", [1, 2, 7, 16])
def test_a_linear_recurrence_is_that_of_the_loop(length: int):
    model, _, _ = modules(sequence("min_gru"))
    generator = torch.Generator().manual_seed(length)
    keep, new = torch.rand(2, 3, length, 4, generator=generator)
    state, states = torch.zeros(3, 4), []
    for step in range(length):
        state = keep[:, step] * state + new[:, step]
        states.append(state)
    assert torch.allclose(model.linear_recurrence(keep, new), torch.stack(states, 1), atol=1e-6)


@pytest.mark.parametrize("more", [{"time_bias": True, "gaps": False}, {"gaps": True, "time_bias": False}])
@pytest.mark.parametrize("encoder", ["attention", "hstu"])
def test_time_counts_where_there_is_some(encoder: str, more: dict[str, bool], data: reckit.Data):
    model = built(data, sequence(encoder, **more))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    stretched = dataclasses.replace(data, timestamps=data.timestamps**2)
    timeless = dataclasses.replace(data, timestamps=None)
    users = torch.arange(5)
    with torch.no_grad():
        scores, later, never = (model.score(log, users) for log in (data, stretched, timeless))
    assert not torch.allclose(scores, later, atol=1e-4)
    assert torch.isfinite(never).all()


@pytest.mark.parametrize("encoder", ["hstu", "min_gru"])
def test_what_comes_next_is_learnt_without_timestamps(encoder: str, data: reckit.Data):
    timeless = dataclasses.replace(data, timestamps=None)
    recommender, _ = trained(sequence(encoder, learning_rate=0.01), timeless, checkpoints=120)
    events = {field.name: getattr(timeless, field.name) for field in dataclasses.fields(reckit.EventLog)}
    assert next_item_rate(recommender, reckit.History(**events, asked=torch.arange(N_USERS))) > 0.8


def test_gbce_is_the_published_one(data: reckit.Data):
    """Petrov and Macdonald 2023: the positive's probability to the power alpha (t (1 - 1 / alpha) + 1 / alpha).

    Scores are shifted by a constant, the odds of a positive, from which training starts.
    """
    _, train, _ = modules(sequence("attention", loss="gbce"))
    n, share, t = 4, 4 / (N_ITEMS - 1), 0.75
    states, vectors = torch.randn(1, 2, 8, generator=torch.Generator().manual_seed(0)), torch.eye(N_ITEMS, 8)
    model = SimpleNamespace(n_items=N_ITEMS, item_vectors=vectors)
    inputs, targets, negatives = torch.tensor([[N_ITEMS, 1]]), torch.tensor([[1, 2]]), torch.tensor([[3, 4, 5, 6]])
    power = share * (t * (1 - 1 / share) + 1 / share)
    scores = vectors @ states[0, 1] + math.log(power / n)
    expected = -(power * scores[2].sigmoid().log() + (1 - scores[3:7].sigmoid()).log().sum())
    assert train.item_loss(model, states, inputs, targets, negatives, power).item() == pytest.approx(expected.item())
    assert power == pytest.approx(1 - t * (1 - n / (N_ITEMS - 1)))  # as the rendered code computes it


def test_a_negative_that_is_the_target_counts_nothing():
    _, train, _ = modules(sequence("attention", loss="sampled_softmax"))
    model = SimpleNamespace(n_items=N_ITEMS, item_vectors=torch.eye(N_ITEMS, 8))
    states, inputs, targets = torch.ones(1, 1, 8), torch.tensor([[1]]), torch.tensor([[2]])
    alone = train.item_loss(model, states, inputs, targets, torch.tensor([[3]]))
    with_itself = train.item_loss(model, states, inputs, targets, torch.tensor([[3, 2, 2]]))
    assert alone.item() == pytest.approx(with_itself.item())


class World:
    """The synthetic world as a candidate sees it, and what the judge knows of its *select* part."""

    def __init__(self, folder: Path) -> None:
        dataset = generate(SyntheticWorld(n_users=300, n_items=120, sessions=8.0)).dataset
        given = split(dataset)
        users, items = (np.arange(n, dtype=np.int32) for n in (dataset.n_users, dataset.n_items))
        permutation = Permutation(users=users, items=items)
        write_training(dataset, given, permutation, Stage.SEARCH.trained_on, folder / "data")
        write_query(dataset, given, permutation, Part.SELECT, folder / "query", {"answer": "lists", "k": K})
        holdout = ground(dataset, given, Part.SELECT)
        self.data = reckit.open_data(folder / "data")
        self._history = reckit.open_history(folder / "query", dataset.n_items)
        self._relevant = Marker(holdout.indptr, holdout.items, dataset.n_items)
        self._n_relevant = np.diff(holdout.indptr)

    def ndcg(self, design: Design, checkpoints: int) -> float:
        recommender, _ = trained(design, self.data, checkpoints)
        history = self._history
        with torch.no_grad():
            scores = recommender.score(history, history.asked)
        lists = reckit.masked_topk(scores, history, history.asked, K, torch.Generator().manual_seed(0))
        return float(ndcg_at(self._relevant.mark(lists.int().numpy()), self._n_relevant, K).mean())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def popularity(world: World) -> float:
    return world.ndcg(SPACE.named("pop"), 1)


LEARNERS: dict[str, dict[str, Any]] = {
    **{encoder: {"encoder": encoder} for encoder in ENCODERS},
    **{loss: {"loss": loss} for loss in ("bce", "gbce", "bpr")},
    **{sampler: {"loss": "sampled_softmax", "sampler": sampler} for sampler in ("popularity", "mixed", "in_batch")},
    "everything": {"features": True, "tied": False, "item_bias": True, "cosine": True},
    "blend": {"family": "blend", "encoder": "hstu"},
    "blend_of_three": {"family": "blend", "encoder": "min_gru", "third": "itemknn"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_each_beats_the_popularity_list(name: str, world: World, popularity: float):
    small = {"dim": 32, "max_len": 20, "batch_users": 64, "dropout": 0.1, "learning_rate": 0.01}
    design = SPACE.complete({"family": "sequence", "encoder": "attention", **small, **LEARNERS[name]})
    steps = 250 if name == "cloze" else 100  # a cloze asks fewer positions a step
    assert world.ndcg(design, checkpoints=steps) > 1.2 * popularity
