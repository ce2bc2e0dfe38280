"""What a sandbox may see of a data set: folders of `.npy` files, written from an allow-list.

The layout is fixed in `autorec.schemas.wire`. Users and items carry permuted ids, features an alias: raw ids, raw
feature values and rows of later parts never enter. Files are readable by everybody, as another uid reads them.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.datasets import Bools, Categorical, Dataset, Feature, Int32s, Int64s, offsets
from autorec.tasks.holdouts import ground
from autorec.tasks.parts import rows_of
from autorec.tasks.splits import Split

FILE_MODE, FOLDER_MODE = 0o644, 0o755
Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Permutation:
    """The ids that a sandbox sees: int32 [n_users] and [n_items], from a code of the data set to its permuted id."""

    users: Int32s
    items: Int32s

    @classmethod
    def of(cls, secret: bytes, n_users: int, n_items: int) -> "Permutation":
        """The permutation that a run's secret stands for; the same secret and sizes always give the same one."""
        return cls(users=_permuted(secret, b"users", n_users), items=_permuted(secret, b"items", n_items))


def _permuted(secret: bytes, purpose: bytes, n: int) -> Int32s:
    seed = int.from_bytes(hashlib.sha256(purpose + b"\0" + secret).digest(), "big")
    return np.random.Generator(np.random.PCG64(seed)).permutation(n).astype(np.int32)


def write_training(
    dataset: Dataset,
    split: Split,
    permutation: Permutation,
    parts: Collection[Part],
    folder: Path,
) -> None:
    """Write the `/data` folder with the rows of `parts`. Raises FileExistsError where the folder exists."""
    rows = rows_of(split.part, *parts)
    aliases = [(feature, f"f{number}") for number, feature in enumerate(dataset.features)]
    arrays = _interactions(dataset, permutation, rows)
    for feature, alias in aliases:
        arrays.update(_feature_arrays(feature, alias, permutation))
    folder.mkdir(parents=True)
    _write_arrays(folder, arrays)
    _write_meta(folder, _meta(dataset, int(rows.sum()), [_described(f, alias) for f, alias in aliases]))
    folder.chmod(FOLDER_MODE)


def write_query(
    dataset: Dataset, split: Split, permutation: Permutation, part: Part, folder: Path, answer: Mapping[str, Any]
) -> None:
    """Write the `/query` folder of a holdout: its users, by ascending permuted id, and the history before it.

    `answer` says what is asked of them, `{"answer": "lists", "k": 100}`.
    Raises FileExistsError where the folder exists.
    """
    arrays = _interactions(dataset, permutation, rows_of(split.part, *HISTORY_OF[part]))
    arrays["users"] = np.sort(permutation.users[ground(dataset, split, part).users])
    folder.mkdir(parents=True)
    _write_arrays(folder, arrays)
    _write_meta(folder, answer)
    folder.chmod(FOLDER_MODE)


def _interactions(dataset: Dataset, permutation: Permutation, rows: Bools) -> dict[str, Array]:
    """Permuted columns of the rows, sorted by permuted user, then as in the data set: time, then hash."""
    users = permutation.users[dataset.users[rows]]
    order = np.argsort(users, kind="stable")
    arrays: dict[str, Array] = {
        "indptr": offsets(users[order], dataset.n_users),
        "users": users[order],
        "items": permutation.items[dataset.items[rows]][order],
    }
    if dataset.timestamps is not None:
        arrays["timestamps"] = dataset.timestamps[rows][order]
    if dataset.values is not None:
        arrays["values"] = dataset.values[rows][order]
    return arrays


def _feature_arrays(feature: Feature, alias: str, permutation: Permutation) -> dict[str, Array]:
    to_permuted = permutation.users if feature.side == "user" else permutation.items
    codes_in_order = np.argsort(to_permuted)
    name = f"{feature.side}_{alias}"
    if isinstance(feature, Categorical):
        indptr, codes = _take_rows(feature.indptr, feature.codes, codes_in_order)
        return {f"{name}_indptr": indptr, f"{name}_codes": codes}
    return {name: feature.values[codes_in_order]}


def _take_rows(indptr: Int64s, codes: Int32s, rows: Int64s) -> tuple[Int64s, Int32s]:
    """Rows of a ragged array in another order."""
    lengths = np.diff(indptr)[rows]
    taken = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    source = np.repeat(indptr[:-1][rows] - taken[:-1], lengths) + np.arange(taken[-1])
    return taken, codes[source]


def _described(feature: Feature, alias: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"side": feature.side, "alias": alias, "kind": feature.kind}
    return {**entry, "n_codes": feature.n_codes} if isinstance(feature, Categorical) else entry


def _meta(dataset: Dataset, n_interactions: int, features: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": "log",
        "n_users": dataset.n_users,
        "n_items": dataset.n_items,
        "n_interactions": n_interactions,
        "has_timestamps": dataset.timestamps is not None,
        "has_values": dataset.values is not None,
        "features": features,
    }


def _write_arrays(folder: Path, arrays: dict[str, Array]) -> None:
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        np.save(path, np.ascontiguousarray(array), allow_pickle=False)
        path.chmod(FILE_MODE)


def _write_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    path = folder / "meta.json"
    path.write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    path.chmod(FILE_MODE)
