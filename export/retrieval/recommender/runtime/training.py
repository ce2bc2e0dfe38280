"""Training on a log of your own: a validation slice is held out, and the best state on it is kept."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import reckit
import torch
from recommender.runtime import lists
from recommender.runtime.folder import Trained
from recommender.runtime.ids import Ids
from recommender.runtime.learning import learn, new_folder, write_about
from recommender.runtime.log import Log
from recommender.runtime.refusal import Refusal
from torch import Tensor

MOST_VALIDATED = 10_000
CUTOFF = 10
DEPTH = 100


def train(log: Log, exported: Trained, *, seconds: float, seed: int, out: Path) -> float:
    """Train on `log`, write a folder like `trained/` to `out`, and return the best validation NDCG@10.

    The last event of each user (a random one where there are no times) is held out of the training and known when the
    model answers afterwards. Features of items and users that the export knows are carried over by raw id.
    """
    with new_folder(out) as folder:
        return _train_into(folder, log, exported, seconds, seed)


def _train_into(folder: Path, log: Log, exported: Trained, seconds: float, seed: int) -> float:
    held = held_out(log, seed)
    ids = Ids("user", log.user_ids), Ids("item", log.item_ids)
    for each in ids:
        each.write(folder / f"{each.kind}s.csv")
    log.rows(~held).write_data(folder / "data", *carried_features(exported, *ids))
    log.write_query(folder / "query")
    data = reckit.open_data(folder / "data")
    validate = _validation(log, held, data, seed)
    value, about = learn(data, validate, folder, exported=exported, seconds=seconds, seed=seed)
    more = {
        "weights": f"trained here, NDCG@{CUTOFF} {value:.4f} on the held out events",
        "n_users": data.n_users,
        "n_items": data.n_items,
        "has_timestamps": log.timestamps is not None,
        "has_values": log.values is not None,
        "has_history": True,
        "top_k": min(DEPTH, data.n_items),
    }
    write_about(folder, {**about, **more})
    return value


def held_out(log: Log, seed: int) -> np.ndarray:
    """Bool [n]: one event of each of at most 10,000 users who have more, of an item that the user has only once."""
    draw = np.random.default_rng(seed)
    n = len(log.users)
    place = np.arange(n) if log.timestamps is not None else draw.permutation(n)
    order = np.lexsort([place, log.users])
    last = order[np.flatnonzero(np.diff(log.users[order], append=-1))]  # one row a user
    _, pair, times = np.unique(np.stack((log.users, log.items)), axis=1, return_inverse=True, return_counts=True)
    enough = (np.bincount(log.users)[log.users[last]] > 1) & (times[pair[last]] == 1)
    chosen = last[enough]
    if not len(chosen):
        raise Refusal("no user has two different items: there is nothing to validate on", "give a larger log")
    held = np.zeros(n, dtype=bool)
    held[draw.permutation(chosen)[:MOST_VALIDATED]] = True
    return held


def _validation(log: Log, held: np.ndarray, data: reckit.Data, seed: int) -> Any:
    users = torch.from_numpy(log.users[held].astype(np.int64))
    wanted = torch.from_numpy(log.items[held].astype(np.int64))
    known = {name: getattr(data, name) for name in ("n_users", "n_items", "indptr", "items", "timestamps", "values")}
    history = reckit.History(asked=users, **known)
    k = min(CUTOFF, data.n_items)

    def validate(model: Any) -> float:
        return ndcg(lists.recommend(model, history, users, k=k, depth=k, seed=seed).items, wanted)

    return validate


def ndcg(items: Tensor, wanted: Tensor) -> float:
    """Mean of 1 / log2(rank + 1), 0 where the list [b, k] does not hold the one item wanted [b]."""
    discounts = torch.tensor([1 / math.log2(rank + 1) for rank in range(1, items.shape[1] + 1)])
    return float(((items == wanted[:, None]) * discounts).sum(1).mean())


def carried_features(
    exported: Trained, users: Ids, items: Ids
) -> tuple[Mapping[str, np.ndarray], list[dict[str, Any]]]:
    """Features of the export's data in the order of new ids; those of ids that it does not know are missing."""
    folder = exported.path / "data"
    described = json.loads((folder / "meta.json").read_text(encoding="utf-8"))["features"]
    arrays: dict[str, np.ndarray] = {}
    for feature in described:
        new = items if feature["side"] == "item" else users
        old = exported.ids(new.kind).numbers
        rows = np.array([old.get(raw, -1) for raw in new.raw])
        name = f"{feature['side']}_{feature['alias']}"
        if feature["kind"] == "numeric":
            values = np.append(np.load(folder / f"{name}.npy"), np.float32("nan"))
            arrays[name] = values[rows]
        else:
            indptr, codes = np.load(folder / f"{name}_indptr.npy"), np.load(folder / f"{name}_codes.npy")
            lengths = np.append(np.diff(indptr), 0)[rows]
            taken = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
            source = np.repeat(np.append(indptr[:-1], 0)[rows] - taken[:-1], lengths) + np.arange(taken[-1])
            arrays |= {f"{name}_indptr": taken, f"{name}_codes": codes[source]}
    return arrays, described
