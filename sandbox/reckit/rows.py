"""Rows with features and a label: what a click model is trained on and asked about."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Generator, Tensor

from reckit.bundle import map_array


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """n rows. `numeric` float32 [n, n_numeric], NaN where missing; `categorical` int32 [n, n_categorical], column j in
    [0, n_codes[j]): 0 where missing, 1 and up for rare and new values together, then one for each other value.

    `labels` float32 [n], 1 where clicked; None in rows that are asked about. `users` int32 [n] in [0, n_users) groups
    the rows of one user, `timestamps` int64 [n] are seconds; None where the data has none. Rows to learn from stand
    oldest first, rows that are asked about in random order.
    """

    numeric: Tensor
    categorical: Tensor
    n_codes: tuple[int, ...]
    n_users: int | None
    labels: Tensor | None
    users: Tensor | None
    timestamps: Tensor | None

    def __len__(self) -> int:
        return len(self.numeric)

    @property
    def n_numeric(self) -> int:
        return self.numeric.shape[1]

    @property
    def n_categorical(self) -> int:
        return self.categorical.shape[1]

    def take(self, index: Tensor | slice) -> "Rows":
        """Some of the rows, in the order of `index`."""
        found = {
            name: None if values is None else values[index]
            for name, values in (("labels", self.labels), ("users", self.users), ("timestamps", self.timestamps))
        }
        return replace(self, numeric=self.numeric[index], categorical=self.categorical[index], **found)

    def batches(self, size: int, generator: Generator) -> Iterator["Rows"]:
        """Each row once, in random order, `size` at a time."""
        for index in torch.randperm(len(self), generator=generator).split(size):
            yield self.take(index)


def open_rows(path: str | Path, like: Rows | None = None) -> Rows:
    """Map the rows in `path`; of a query, whose columns are those of the training rows, `like` says how many codes."""
    folder = Path(path)
    optional = {name: folder / f"{name}.npy" for name in ("labels", "users", "timestamps")}
    if like is None:
        meta = json.loads((folder / "meta.json").read_text())
        n_codes, n_users = tuple(column["n_codes"] for column in meta["categorical"]), meta["n_users"]
    else:
        n_codes, n_users = like.n_codes, like.n_users
    return Rows(
        numeric=map_array(folder / "numeric.npy"),
        categorical=map_array(folder / "categorical.npy"),
        n_codes=n_codes,
        n_users=n_users,
        **{name: map_array(file) if file.exists() else None for name, file in optional.items()},
    )
