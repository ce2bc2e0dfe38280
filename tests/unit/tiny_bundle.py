"""Writes bundle folders as the wire format has them, from plain lists of events."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

Event = tuple[int, int, int]
"""(user, item, timestamp)"""


def write_log(folder: Path, events: Sequence[Event], n_users: int, *, timestamps: bool = True) -> None:
    """The events, sorted by user and time (ties keep the given order)."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = sorted(events, key=lambda event: (event[0], event[2]))
    users = np.array([row[0] for row in rows], dtype=np.int32)
    indptr = np.concatenate(([0], np.bincount(users, minlength=n_users).cumsum())).astype(np.int64)
    np.save(folder / "indptr.npy", indptr)
    np.save(folder / "items.npy", np.array([row[1] for row in rows], dtype=np.int32))
    if timestamps:
        np.save(folder / "timestamps.npy", np.array([row[2] for row in rows], dtype=np.int64))


def write_data(folder: Path, events: Sequence[Event], n_users: int, n_items: int, *, timestamps: bool = True) -> Path:
    """A training bundle with one categorical and one numeric item feature."""
    write_log(folder, events, n_users, timestamps=timestamps)
    users = np.array(sorted(event[0] for event in events), dtype=np.int32)
    np.save(folder / "users.npy", users)
    np.save(folder / "item_f0_indptr.npy", np.arange(n_items + 1, dtype=np.int64))
    np.save(folder / "item_f0_codes.npy", (np.arange(n_items) % 3).astype(np.int32))
    np.save(folder / "item_f1.npy", np.linspace(0, 1, n_items, dtype=np.float32))
    features = [
        {"side": "item", "alias": "f0", "kind": "categorical", "n_codes": 3},
        {"side": "item", "alias": "f1", "kind": "numeric"},
    ]
    meta = {"kind": "log", "n_users": n_users, "n_items": n_items, "n_interactions": len(events)}
    meta |= {"has_timestamps": timestamps, "has_values": False, "features": features}
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


def write_query(folder: Path, events: Sequence[Event], n_users: int, asked: Sequence[int], k: int = 3) -> Path:
    write_log(folder, events, n_users)
    (folder / "meta.json").write_text(json.dumps({"answer": "lists", "k": k}))
    np.save(folder / "users.npy", np.array(asked, dtype=np.int32))
    return folder


def cyclic_events(n_users: int, n_items: int, length: int) -> list[Event]:
    """Every user walks the items in order from a start of their own: the next item is predictable."""
    return [(user, (user * 3 + step) % n_items, 100 * step) for user in range(n_users) for step in range(length)]
