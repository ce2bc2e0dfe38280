"""Rendered designs really train: on a tiny world where the next item is predictable, without a sandbox."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_bundle import cyclic_events, write_data, write_query

from autorec.proposers.space_code import SpaceCode
from autorec.schemas.space import Design, load_space

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import reckit

ROOT = Path(__file__).parents[2] / "search_spaces"
SPACE = load_space(ROOT / "retrieval.yaml")
CODE = SpaceCode(SPACE, ROOT)
N_USERS, N_ITEMS, LENGTH = 60, 20, 12

SMALL = {
    "dim": 32, "max_len": 12, "layers": 1, "dropout": 0.0, "batch_users": 32, "batch_pairs": 512, "negatives": 4,
    "user_negatives": 8,
}  # fmt: skip
ENCODERS = ("attention", "hstu", "min_gru", "convolution", "fmlp", "gru", "cloze")
SEQUENCE = {"family": "sequence", "encoder": "attention"}
STRUCTURES: dict[str, dict[str, Any]] = {
    "pop": {"family": "popularity"},
    "itemknn": {"family": "itemknn", "neighbours": 10},
    "ease": {"family": "linear", "solver": "ease", "query": "plain", "ridge": 10.0},
    "slist": {"family": "linear", "ridge": 10.0},
    **{
        f"factorization_{loss}": {"family": "factorization", "loss": loss} for loss in ("softmax", "bpr", "bce", "gbce")
    },
    "factorization_sampled": {"family": "factorization", "loss": "sampled_softmax"},
    **{encoder: {"family": "sequence", "encoder": encoder} for encoder in ENCODERS},
    **{loss: SEQUENCE | {"loss": loss} for loss in ("bpr", "bce", "gbce")},
    **{
        f"sampled_{sampler}": SEQUENCE | {"loss": "sampled_softmax", "sampler": sampler}
        for sampler in ("uniform", "popularity", "mixed", "in_batch")
    },
    "bare": SEQUENCE
    | {
        "gaps": False,
        "time_bias": False,
        "mask_seen": False,
        "shuffle_ties": False,
        "average": False,
        "schedule": "constant",
    },
    "untied": SEQUENCE | {"tied": False, "item_bias": True, "cosine": True},
    "features": SEQUENCE | {"features": True, "positions": "relative"},
    "cloze_relative": {"family": "sequence", "encoder": "cloze", "positions": "relative", "loss": "gbce"},
    "blend": {"family": "blend", "encoder": "attention"},
    "blend_of_three": {"family": "blend", "encoder": "min_gru", "solver": "ease", "third": "itemknn"},
    "blend_plain": {"family": "blend", "encoder": "gru", "query": "plain"},
}


class OutOfTime(Exception):
    """What the harness does at the last checkpoint."""


class CountedRun:
    """The run object of the harness with a clock that ticks at each checkpoint."""

    seed = 3
    device = "cpu"

    def __init__(self, checkpoints: int) -> None:
        self.seconds_left = float(checkpoints)
        self.latest: Any = None
        self.logged: list[dict[str, object]] = []

    def checkpoint(self, recommender: Any) -> None:
        self.latest = recommender
        self.seconds_left -= 1.0
        if self.seconds_left <= 0:
            raise OutOfTime

    def log(self, **values: object) -> None:
        self.logged.append(values)


def module(name: str, text: str) -> ModuleType:
    made = ModuleType(name)
    exec(compile(text, f"{name}.py", "exec"), made.__dict__)
    return made


def trained(design: Design, data: reckit.Data, checkpoints: int) -> tuple[Any, Any]:
    """The trained recommender, and a fresh one that loaded its state, as a predict job does."""
    torch.manual_seed(0)
    files = CODE.render(design)
    params = SimpleNamespace(**{name: entry["default"] for name, entry in json.loads(files["params.json"]).items()})
    model, train = module("model", files["model.py"]), module("train", files["train.py"])
    run, recommender = CountedRun(checkpoints), model.build(data, params)
    try:
        train.fit(recommender, data, params, run)
    except OutOfTime:
        assert run.seconds_left <= 0
    fresh = model.build(data, params)
    fresh.load_state_dict(run.latest.state_dict())
    return run.latest.eval(), fresh.eval()


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def world(tmp_path: Path) -> tuple[reckit.Data, reckit.History]:
    events = cyclic_events(N_USERS, N_ITEMS, LENGTH)
    data = reckit.open_data(write_data(tmp_path / "data", events, N_USERS + 1, N_ITEMS))
    query = write_query(tmp_path / "query", events, N_USERS + 1, range(N_USERS + 1))
    return data, reckit.open_history(query, N_ITEMS)


def next_item_rate(recommender: Any, history: reckit.History) -> float:
    """How often the item that comes next in the cycle is among the first two of the eight unseen."""
    users = history.asked[:N_USERS]
    with torch.no_grad():
        scores = recommender.score(history, users)
    top = reckit.masked_topk(scores, history, users, 2, torch.Generator().manual_seed(0))
    following = (users * 3 + LENGTH) % N_ITEMS
    return (top == following[:, None]).any(1).float().mean().item()


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_design_trains_keeps_its_state_and_scores_everybody(name: str, world):
    data, history = world
    design = SPACE.complete({**SMALL, **STRUCTURES[name]})
    recommender, fresh = trained(design, data, checkpoints=6)
    with torch.no_grad():
        scores, again = recommender.score(history, history.asked), fresh.score(history, history.asked)
    assert scores.shape == (N_USERS + 1, N_ITEMS)
    assert torch.isfinite(scores).all()
    assert torch.equal(scores, again)


@pytest.mark.parametrize("name", ["slist", *ENCODERS, "bce", "gbce", "sampled_in_batch", "features", "blend"])
def test_what_comes_next_is_learnt(name: str, world):
    data, history = world
    design = SPACE.complete({**SMALL, **STRUCTURES[name], "learning_rate": 0.01})
    recommender, _ = trained(design, data, checkpoints=120)
    assert next_item_rate(recommender, history) > 0.8


def test_popularity_does_not_learn_it(world):
    data, history = world
    recommender, _ = trained(SPACE.named("pop"), data, checkpoints=1)
    assert next_item_rate(recommender, history) < 0.6


@pytest.mark.parametrize("name", ["features", "hstu", "cloze", "blend_of_three", "factorization_bpr"])
def test_a_world_without_a_next_item_ends(name: str, tmp_path: Path):
    events = [(user, user, 0) for user in range(3)]
    data = reckit.open_data(write_data(tmp_path / "data", events, 3, 4, timestamps=False))
    recommender = trained_until(SPACE.complete({**SMALL, **STRUCTURES[name]}), data)
    with torch.no_grad():
        assert torch.isfinite(recommender.score(data, torch.arange(3))).all()


def trained_until(design: Design, data: reckit.Data) -> Any:
    """Trains with a clock that ticks at each look, so that a training without steps ends too."""

    class LookedAtRun(CountedRun):
        looks = 0

        @property
        def seconds_left(self) -> float:
            self.looks += 1
            return 20.0 - self.looks

        @seconds_left.setter
        def seconds_left(self, value: float) -> None: ...

        def checkpoint(self, recommender: Any) -> None: ...

    files = CODE.render(design)
    params = SimpleNamespace(**{name: entry["default"] for name, entry in json.loads(files["params.json"]).items()})
    recommender = module("model", files["model.py"]).build(data, params)
    module("train", files["train.py"]).fit(recommender, data, params, LookedAtRun(1))
    return recommender.eval()
