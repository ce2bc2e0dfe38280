"""What a sandbox may see of impressions: folders of `.npy` files, written from an allow-list.

The layout is fixed in `autorec.schemas.wire`. Columns carry aliases, users permuted ids; labels are written for rows to
learn from, never for rows that are asked about, and those come in an order that the run's secret decides.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autorec.domain.job import Part
from autorec.tasks.bundle import FILE_MODE, FOLDER_MODE
from autorec.tasks.datasets import Bools, Int32s, Int64s
from autorec.tasks.parts import rows_of
from autorec.tasks.ranking.impressions import Category, Impressions
from autorec.tasks.ranking.vocabulary import Vocabulary
from autorec.tasks.splits import Split

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What is asked in a part, as the judge needs it: see `judging.pairs.RowTruth`."""

    labels: Bools
    users: Int32s | None
    asked: Int64s


def truth(rows: Impressions, split: Split, part: Part, secret: bytes) -> Truth:
    """Labels and users (-1: none named) of a part in the order of the data, and the order of asking candidates."""
    here = rows_of(split.part, part)
    order = _random(secret, f"rows of {part}").permutation(int(here.sum()))
    return Truth(labels=rows.labels[here], users=rows.users.codes[here] if rows.users else None, asked=order)


def write_training(
    rows: Impressions,
    split: Split,
    vocabularies: Collection[Vocabulary],
    secret: bytes,
    parts: Collection[Part],
    folder: Path,
) -> None:
    """Write the `/data` folder with the rows of `parts`. Raises FileExistsError where the folder exists."""
    here = _in_time(rows, np.flatnonzero(rows_of(split.part, *parts)))
    arrays = _features(rows, vocabularies, secret, here)
    arrays["labels"] = rows.labels[here].astype(np.float32)
    meta = {
        "kind": "rows",
        "n_rows": len(here),
        "n_users": len(rows.users.values) + 1 if rows.users else None,
        "numeric": [f"n{i:02d}" for i, _ in enumerate(rows.numbers, 1)],
        "categorical": [{"alias": f"c{i:02d}", "n_codes": v.n_codes} for i, v in enumerate(vocabularies, 1)],
    }
    _write(folder, arrays, meta)


def write_query(
    rows: Impressions,
    split: Split,
    vocabularies: Collection[Vocabulary],
    secret: bytes,
    part: Part,
    folder: Path,
    answer: Mapping[str, Any],
) -> None:
    """Write the `/query` folder of a holdout: its rows without labels, shuffled. Raises FileExistsError."""
    here = np.flatnonzero(rows_of(split.part, part))[truth(rows, split, part, secret).asked]
    _write(folder, _features(rows, vocabularies, secret, here), answer)


def _in_time(rows: Impressions, here: Int64s) -> Int64s:
    """Oldest first; rows of one second as they stand in the file."""
    return here if rows.timestamps is None else here[np.argsort(rows.timestamps[here], kind="stable")]


def _features(rows: Impressions, vocabularies: Collection[Vocabulary], secret: bytes, here: Int64s) -> dict[str, Array]:
    numeric = np.empty((len(here), len(rows.numbers)), dtype=np.float32)
    for place, number in enumerate(rows.numbers):
        numeric[:, place] = number.values[here]
    categorical = np.empty((len(here), len(rows.fields)), dtype=np.int32)
    for place, (field, vocabulary) in enumerate(zip(rows.fields, vocabularies, strict=True)):
        categorical[:, place] = vocabulary.encode(field)[here]
    arrays: dict[str, Array] = {"numeric": numeric, "categorical": categorical}
    if rows.users is not None:
        arrays["users"] = user_numbers(rows.users, secret)[rows.users.codes[here]]
    if rows.timestamps is not None:
        arrays["timestamps"] = rows.timestamps[here]
    return arrays


def user_numbers(users: Category, secret: bytes) -> Int32s:
    """What candidates call each user, int32 [n_users + 1]; the last is for rows that name none.

    To a model "no user" is a value; the judge tells such rows apart.
    """
    return _random(secret, "users").permutation(len(users.values) + 1).astype(np.int32)


def _random(secret: bytes, purpose: str) -> np.random.Generator:
    seed = int.from_bytes(hashlib.sha256(purpose.encode() + b"\0" + secret).digest(), "big")
    return np.random.Generator(np.random.PCG64(seed))


def _write(folder: Path, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    (folder / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(FILE_MODE)
    folder.chmod(FOLDER_MODE)
