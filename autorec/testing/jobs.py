"""Small jobs that any executor can run, to test one with: the smallest data, and candidates that need a moment."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autorec.domain.candidate import Candidate
from autorec.domain.job import Job, JobKind, Limits, Snapshot
from autorec.execution import canaries

MODEL = """
import torch

class Constant(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("value", torch.zeros(()))

    def score(self, history, users):
        return self.value.expand(len(users), history.n_items)

def build(data, params):
    return Constant()
"""
ONCE = "def fit(recommender, data, params, run):\n    run.checkpoint(recommender)\n"
MANY = "def fit(recommender, data, params, run):\n    while True:\n        run.checkpoint(recommender)\n"
RAISES = "def fit(recommender, data, params, run):\n    raise RuntimeError('the loss diverged')\n"
Bundle = Path
"""A folder with `data/` and `query/` as `schemas/wire.py` describes them."""


def write_bundle(folder: Path) -> Bundle:
    """The smallest bundle and query: one user, who has seen one of three items. Readable by all, as bundles are."""
    canaries.write_bundle(folder)
    canaries.open_to_all(folder)
    return folder


def write_made_up_log(folder: Path, n_users: int, n_items: int, n_events: int, n_asked: int | None = None) -> Bundle:
    """A bundle of that size, popular items more often, and a query that asks for the first `n_asked` users (None: all).

    Interactions have times and no values; answers are lists of 100.
    """
    rng = np.random.default_rng(0)
    users = np.sort(rng.integers(n_users, size=n_events))
    arrays: dict[str, npt.NDArray[Any]] = {
        "indptr": np.concatenate(([0], np.bincount(users, minlength=n_users).cumsum())).astype(np.int64),
        "items": (n_items * rng.random(n_events) ** 2).astype(np.int32),
        "timestamps": np.arange(n_events, dtype=np.int64),
    }
    asked = np.arange(n_users if n_asked is None else min(n_asked, n_users))
    for part, listed in (("data", users), ("query", asked)):
        (folder / part).mkdir(parents=True)
        for name, array in {**arrays, "users": listed.astype(np.int32)}.items():
            np.save(folder / part / f"{name}.npy", array)
    meta = {"kind": "log", "n_users": n_users, "n_items": n_items, "n_interactions": n_events}
    meta |= {"has_timestamps": True, "has_values": False, "features": []}
    (folder / "data" / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    (folder / "query" / "meta.json").write_text(json.dumps({"answer": "lists", "k": 100}), encoding="utf-8")
    canaries.open_to_all(folder)
    return folder


def a_job(bundle: Bundle, train: str, *, state: bytes | None = None) -> Job:
    """Train, or predict where there is a state; a second of training at most."""
    return Job(
        kind=JobKind.TRAIN if state is None else JobKind.PREDICT,
        candidate=Candidate.of({"model.py": MODEL, "train.py": train}),
        data_dir=str(bundle / "data"),
        query_dir=str(bundle / "query"),
        seed=7,
        limits=Limits(training_s=1.0, wall_s=30.0, grace_s=1.0),
        state=state,
    )


@dataclass(slots=True)
class Observer:
    """Keeps what a job hands over, and asks it to stop at checkpoint `stop_at`."""

    stop_at: int | None = None
    snapshots: list[Snapshot] = field(default_factory=list)

    def __call__(self, snapshot: Snapshot) -> bool:
        self.snapshots.append(snapshot)
        return snapshot.index == self.stop_at
