"""What a recommender answers inside the sandbox, and the state that is kept of it: what is taken, what refused."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import answers
from contract import ContractError
from tiny_bundle import cyclic_events, write_query


@pytest.fixture
def history(tmp_path: Path) -> Any:
    import reckit

    events = cyclic_events(6, 10, 4)
    return reckit.open_history(write_query(tmp_path / "query", events, 6, [5, 0, 3]), 10)


def scorer(score: Callable[..., Any]) -> Any:
    return SimpleNamespace(score=score)


def top(recommender: Any, history: Any, k: int = 4, seed: int = 0) -> np.ndarray:
    return answers.top_k(recommender, history, k=k, generator=torch.Generator().manual_seed(seed))


def test_lists_are_in_the_order_of_the_query_best_first_without_seen_items(history: Any) -> None:
    lists = top(scorer(lambda h, users: torch.arange(10.0).expand(len(users), 10)), history, k=10)
    assert lists.dtype == np.int32
    assert lists.shape == (3, 10)
    seen = {u: {(u * 3 + step) % 10 for step in range(4)} for u in (5, 0, 3)}
    for row, user in zip(lists, (5, 0, 3), strict=True):
        expected = [item for item in range(9, -1, -1) if item not in seen[user]]
        assert row.tolist() == expected + [-1] * (10 - len(expected))


def test_ties_are_broken_at_random(history: Any) -> None:
    constant = scorer(lambda h, users: torch.zeros(len(users), 10))
    assert any(not np.array_equal(top(constant, history, seed=0), top(constant, history, seed=s)) for s in range(1, 5))


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda h, u: torch.full((len(u), 10), torch.nan), "NaN or infinite"),
        (lambda h, u: torch.full((len(u), 10), -torch.inf), "seen items are masked for you"),
        (lambda h, u: torch.zeros(len(u), 9), r"\[3, 9\]"),
        (lambda h, u: torch.zeros(len(u), 10, dtype=torch.int64), "must return floats"),
        (lambda h, u: [0.0], "it returned list"),
    ],
)
def test_scores_that_break_the_contract_are_refused(history: Any, score: Callable[..., Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        top(scorer(score), history)


def test_numpy_scores_are_taken(history: Any) -> None:
    assert top(scorer(lambda h, users: np.zeros((len(users), 10))), history).shape == (3, 4)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (torch.zeros(3, 5, dtype=torch.int64), "shape"),
        (torch.zeros(3, 4), "integers"),
        (torch.full((3, 4), 10), "from 0 to 9"),
        (torch.full((3, 4), -2), "from 0 to 9"),
    ],
)
def test_recommended_lists_that_break_the_contract_are_refused(history: Any, lists: Any, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        top(SimpleNamespace(recommend=lambda h, users, k: lists), history)


def test_a_recommender_that_answers_nothing_is_told_what_is_expected(history: Any) -> None:
    with pytest.raises(ContractError, match="score\\(history, users\\)"):
        top(SimpleNamespace(), history)


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = torch.nn.Embedding(10, 4)
        self.b = torch.nn.Linear(4, 10, bias=False)
        self.b.weight = self.a.weight
        self.frozen = torch.nn.Dropout(0.5).eval()
        self.modes: list[bool] = []

    def score(self, history: Any, users: torch.Tensor) -> torch.Tensor:
        self.modes.append(self.training or torch.is_grad_enabled())
        return torch.rand(len(users), 10)


def test_validating_leaves_modes_and_random_generators_as_they_were(history: Any) -> None:
    net = Net().train()
    net.frozen.eval()
    torch.manual_seed(3)
    np.random.seed(3)
    expected = (torch.rand(1).item(), np.random.rand())
    torch.manual_seed(3)
    np.random.seed(3)
    top(net, history)
    assert (torch.rand(1).item(), np.random.rand()) == expected
    assert net.training
    assert not net.frozen.training
    assert net.modes == [False]


def test_state_of_tied_and_strided_tensors_survives_the_round_trip(tmp_path: Path) -> None:
    saved, loaded = Net(), Net()
    answers.save_state(saved, tmp_path / "state", 1 << 20)
    answers.load_state(loaded, (tmp_path / "state").read_bytes())
    assert torch.equal(saved.a.weight, loaded.a.weight)
    strided = SimpleNamespace(state_dict=lambda: {"x": torch.arange(6.0).view(2, 3).T}, load_state_dict=None)
    assert answers.state_of(strided)["x"].is_contiguous()


def test_a_state_larger_than_it_may_be_is_refused_by_name(tmp_path: Path) -> None:
    dense = SimpleNamespace(
        state_dict=lambda: {"bias": torch.zeros(3), "gram": torch.zeros(600, 600)}, load_state_dict=0
    )
    with pytest.raises(
        ContractError, match=r"may hold 1 MiB \(max_state_mb\); it holds 1.4 MiB, most of it in 'gram' \[600"
    ):
        answers.save_state(dense, tmp_path / "state", 1 << 20)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"n": 3}, "'n' is a int"),
        ({"s": torch.eye(3).to_sparse()}, "a sparse tensor"),
        ([torch.zeros(1)], "it returned list"),
    ],
)
def test_states_that_cannot_be_kept_are_refused(state: Any, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        answers.state_of(SimpleNamespace(state_dict=lambda: state, load_state_dict=lambda s: None))
