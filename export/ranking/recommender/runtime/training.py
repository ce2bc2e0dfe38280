"""Training on rows of your own: the newest are held out, and the best state on them is kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import reckit
import torch
from recommender.runtime.features import Features
from recommender.runtime.folder import Trained
from recommender.runtime.learning import learn, new_folder, write_about
from recommender.runtime.metrics import Quality, logloss, quality
from recommender.runtime.refusal import Refusal
from recommender.runtime.role import probabilities
from recommender.runtime.table import Table

HELD_SHARE = 10
"""One row in so many is held out."""


def train(table: Table, like: Features, exported: Trained, *, seconds: float, seed: int, out: Path) -> Quality:
    """Train on the rows, write a folder like `trained/` to `out`, and say how good the model is on those held out.

    The columns are those that the exported model takes; which values have a code is learned anew.
    """
    with new_folder(out) as folder:
        held = held_out(table, like, seed)
        _require_both(table.labels(), held)
        features = Features.learn(table, like.layout, ~held)
        rows = features.encode(table, labelled=True)
        learned, asked = (torch.from_numpy(_in_time(rows, each)) for each in (~held, held))
        write_data(folder / "data", rows.take(learned))
        told = features.write(folder)
        kept, about = _learn(folder, rows.take(asked), exported, seconds, seed)
        weights = f"trained here; on the rows held out, {kept}"
        write_about(folder, {**about, **told, "weights": weights})
    return kept


def _learn(
    folder: Path, asked: reckit.Rows, exported: Trained, seconds: float, seed: int
) -> tuple[Quality, Mapping[str, Any]]:
    labels = asked.labels.numpy()
    answers: dict[float, np.ndarray] = {}

    def validate(model: Any) -> float:
        found = probabilities(model, asked)
        worth = -logloss(labels, found)
        answers.setdefault(worth, found)
        return worth

    data = reckit.open_data(folder / "data")
    value, about = learn(data, validate, folder, exported=exported, seconds=seconds, seed=seed)
    return quality(labels, answers[value]), about


def held_out(table: Table, like: Features, seed: int) -> np.ndarray:
    """Bool [n]: the newest tenth by time, or as the files stand where that is the order of time; else a random one."""
    n = len(table)
    if table.time is not None:
        clock = table.seconds()
    elif like.layout.headless:
        clock = np.arange(n)
    else:
        clock = np.random.default_rng(seed).permutation(n)
    held = np.zeros(n, dtype=bool)
    held[np.argsort(clock, kind="stable")[n - max(1, n // HELD_SHARE) :]] = True
    return held


def _require_both(labels: np.ndarray, held: np.ndarray) -> None:
    for what, here in (("to learn from", ~held), ("held out", held)):
        clicks = int(labels[here].sum())
        if not 0 < clicks < int(here.sum()):
            raise Refusal(
                f"of the {int(here.sum()):,} rows {what}, {clicks:,} are clicks; expected some of each label",
                "give more rows",
            )


def _in_time(rows: reckit.Rows, chosen: np.ndarray) -> np.ndarray:
    """The chosen rows, oldest first."""
    here = np.flatnonzero(chosen)
    return here if rows.timestamps is None else here[np.argsort(rows.timestamps.numpy()[here], kind="stable")]


def write_data(folder: Path, rows: reckit.Rows) -> None:
    """As `reckit.open_data` reads it."""
    folder.mkdir()
    for name in ("numeric", "categorical", "labels", "users", "timestamps"):
        values = getattr(rows, name)
        if values is not None:
            np.save(folder / f"{name}.npy", values.numpy())
    meta = {
        "kind": "rows",
        "n_rows": len(rows),
        "n_users": rows.n_users,
        "numeric": [f"n{place:02d}" for place in range(1, rows.n_numeric + 1)],
        "categorical": [{"alias": f"c{i:02d}", "n_codes": n} for i, n in enumerate(rows.n_codes, 1)],
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
