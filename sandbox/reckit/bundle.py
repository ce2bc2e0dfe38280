"""Opens the folders that a job is given: the training bundle and the query."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reckit.events import EventLog


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Categorical:
    """A feature of one or several codes a row: those of row r are `codes[indptr[r]:indptr[r + 1]]`.

    `indptr` int64 [n + 1], `codes` int32 [m] in [0, n_codes). As an embedding:
    `F.embedding_bag(codes.long(), weight, indptr[:-1])` gives [n, d].
    """

    indptr: Tensor
    codes: Tensor
    n_codes: int

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The codes of `rows` [b], one row after the other, and where each begins: int64 [m] and [b].

        As an embedding: `nn.EmbeddingBag(n_codes, d)(*feature.take(rows))` gives [b, d], zeros for a row without codes.
        """
        lengths = self.indptr[rows + 1] - self.indptr[rows]
        starts = lengths.cumsum(0) - lengths
        source = torch.repeat_interleave(self.indptr[rows] - starts, lengths) + torch.arange(int(lengths.sum()))
        return self.codes[source].long(), starts

    def multi_hot(self) -> Tensor:
        """Float32 [n, n_codes]: 1 where the row has the code."""
        rows = torch.repeat_interleave(torch.arange(len(self.indptr) - 1), self.indptr.diff())
        dense = torch.zeros(len(self.indptr) - 1, self.n_codes)
        dense[rows, self.codes.long()] = 1.0
        return dense


Feature = Categorical | Tensor
"""A categorical feature, or a numeric one: float32 [n], NaN where missing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Data(EventLog):
    """What a model is trained on: the log, and features of users and items by alias ("f0")."""

    user_features: Mapping[str, Feature] = field(default_factory=dict)
    item_features: Mapping[str, Feature] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class History(EventLog):
    """What is known at prediction time about all users; `asked` int64 [q] are those to answer for, in this order."""

    asked: Tensor


def open_log(path: str | Path) -> Data:
    """Map the interactions in `path`; nothing is read before it is used."""
    folder = Path(path)
    meta = json.loads((folder / "meta.json").read_text())
    features: dict[str, dict[str, Feature]] = {"user": {}, "item": {}}
    for feature in meta["features"]:
        features[feature["side"]][feature["alias"]] = _feature(folder, feature)
    return Data(
        n_users=meta["n_users"],
        n_items=meta["n_items"],
        user_features=features["user"],
        item_features=features["item"],
        **_events(folder),
    )


def open_history(path: str | Path, n_items: int) -> History:
    """Map the query in `path`: the history of all users, and the users to answer for."""
    folder = Path(path)
    events = _events(folder)
    asked = map_array(folder / "users.npy").long()
    return History(n_users=len(events["indptr"]) - 1, n_items=n_items, asked=asked, **events)


def _events(folder: Path) -> dict[str, Tensor | None]:
    optional = {name: folder / f"{name}.npy" for name in ("timestamps", "values")}
    return {
        "indptr": map_array(folder / "indptr.npy"),
        "items": map_array(folder / "items.npy"),
        **{name: map_array(file) if file.exists() else None for name, file in optional.items()},
    }


def _feature(folder: Path, feature: Mapping[str, object]) -> Feature:
    name = f"{feature['side']}_{feature['alias']}"
    if feature["kind"] == "numeric":
        return map_array(folder / f"{name}.npy")
    return Categorical(
        indptr=map_array(folder / f"{name}_indptr.npy"),
        codes=map_array(folder / f"{name}_codes.npy"),
        n_codes=int(str(feature["n_codes"])),
    )


def map_array(file: Path) -> Tensor:
    """Map a .npy file copy-on-write: torch wants writable memory, and writes stay in this process."""
    return torch.from_numpy(np.asarray(np.load(file, mmap_mode="c", allow_pickle=False)))
