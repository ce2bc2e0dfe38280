"""What a recommender hands over: its top-k lists and its tensors, checked so that the message names the fault."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import reckit
import safetensors.torch
import torch
from contract import ContractError
from torch import Tensor

SCORES_PER_BATCH = 1 << 24
MAX_BATCH = 256
PAD = -1


def top_k(recommender: Any, history: Any, *, k: int, generator: torch.Generator) -> np.ndarray:
    """int32 [n_asked, k], best first, -1 at the end of a row with fewer than k unseen items. Raises ContractError."""
    if hasattr(recommender, "score"):
        answer = _by_score
    elif hasattr(recommender, "recommend"):
        answer = _by_recommend
    else:
        raise ContractError(
            "a recommender must have score(history, users) -> float [n_users, n_items] or "
            f"recommend(history, users, k) -> int [n_users, k]; {type(recommender).__name__} has neither"
        )
    size = min(MAX_BATCH, max(1, SCORES_PER_BATCH // max(1, history.n_items)))
    with at_rest(recommender):
        lists = [answer(recommender, history, users, k, generator) for users in history.asked.split(size)]
    return torch.cat(lists).to(torch.int32).contiguous().numpy()


def _by_score(recommender: Any, history: Any, users: Tensor, k: int, generator: torch.Generator) -> Tensor:
    scores = as_tensor(recommender.score(history, users), "score(history, users)", "float [n_users, n_items]")
    if not scores.is_floating_point():
        raise ContractError(f"score(history, users) must return floats; it returned {scores.dtype}")
    try:
        return reckit.masked_topk(scores, history, users, k, generator)
    except ValueError as error:
        raise ContractError(f"score(history, users): {error}; seen items are masked for you") from error


def _by_recommend(recommender: Any, history: Any, users: Tensor, k: int, generator: torch.Generator) -> Tensor:
    call = "recommend(history, users, k)"
    lists = as_tensor(recommender.recommend(history, users, k), call, "int [n_users, k]")
    if tuple(lists.shape) != (len(users), k):
        raise ContractError(f"{call} must return shape {[len(users), k]}; it returned {list(lists.shape)}")
    if lists.is_floating_point() or lists.is_complex() or lists.dtype == torch.bool:
        raise ContractError(f"{call} must return item ids as integers; it returned {lists.dtype}")
    if lists.numel() and (int(lists.min()) < PAD or int(lists.max()) >= history.n_items):
        raise ContractError(
            f"{call} must return ids from 0 to {history.n_items - 1}, or -1 at the end of a row; "
            f"it returned ids from {int(lists.min())} to {int(lists.max())}"
        )
    return lists


def as_tensor(value: object, call: str, expected: str) -> Tensor:
    if isinstance(value, np.ndarray):
        value = torch.as_tensor(value)
    if not isinstance(value, Tensor):
        raise ContractError(f"{call} must return {expected} as a tensor; it returned {type(value).__name__}")
    return value.detach().cpu()


@contextmanager
def at_rest(recommender: Any) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards the modes and the random generators are as they were.

    So the number of validations, which depends on the clock, does not change what is learned.
    """
    modes = [(m, m.training) for m in recommender.modules()] if isinstance(recommender, torch.nn.Module) else []
    numpy_state, python_state = np.random.get_state(), random.getstate()
    for module, _ in modes:
        module.training = False
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        for module, training in modes:
            module.training = training


def state_of(recommender: Any) -> dict[str, Tensor]:
    """Tensors by name, each with memory of its own. Raises ContractError."""
    if not (hasattr(recommender, "state_dict") and hasattr(recommender, "load_state_dict")):
        raise ContractError(
            f"{type(recommender).__name__} must have state_dict() and load_state_dict(state); a torch.nn.Module "
            "has both, anything else returns and takes tensors by name"
        )
    state = recommender.state_dict()
    if not isinstance(state, Mapping):
        raise ContractError(f"state_dict() must return tensors by name; it returned {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or value.layout != torch.strided:
            raise ContractError(
                f"state_dict() must hold dense tensors by name; {name!r} is {_describe(value)}. "
                "Keep numbers as tensors (torch.tensor(x)), and sparse matrices as indices and values"
            )
    return {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in state.items()}


def _describe(value: object) -> str:
    return f"a sparse tensor ({value.layout})" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def save_state(recommender: Any, file: Path, most_bytes: int) -> None:
    """Write the tensors that a recommender is kept as, `most_bytes` of them in all. Raises ContractError."""
    state = state_of(recommender)
    size = sum(value.nbytes for value in state.values())
    if size > most_bytes:
        name, largest = max(state.items(), key=lambda item: item[1].nbytes)
        raise ContractError(
            f"state_dict() may hold {most_bytes / 2**20:.0f} MiB (max_state_mb); it holds {size / 2**20:.1f} MiB, most "
            f"of it in {name!r} {list(largest.shape)}. Keep less: fewer weights, a sparse form as indices and values"
        )
    safetensors.torch.save_file(state, file)


def load_state(recommender: Any, content: bytes) -> None:
    recommender.load_state_dict(safetensors.torch.load(content))
