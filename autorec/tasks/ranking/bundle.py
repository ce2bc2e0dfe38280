"""What a sandbox may see of impressions: folders of `.npy` files, written from an allow-list.

The layout is fixed in `autorec.schemas.wire`. Columns carry aliases, users permuted ids; labels are written for rows to
learn from, never for rows that are asked about, and those come in an order that the run's secret decides.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.bundle import FILE_MODE, FOLDER_MODE
from autorec.tasks.datasets import Bools, Float32s, Int32s, Int64s
from autorec.tasks.parts import rows_of
from autorec.tasks.ranking.impressions import Category, Impressions, Number
from autorec.tasks.ranking.vocabulary import LEAST_COUNT, Vocabulary
from autorec.tasks.splits import Split

Values = Float32s | Int32s
BLOCK_ROWS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What is asked in a part, as the judge needs it: see `judging.pairs.RowTruth` and `pair_examiner.KnownRows`."""

    labels: Bools
    users: Int32s | None
    asked: Int64s
    activity: Int64s | None
    unknown: Int64s


def truth(rows: Impressions, split: Split, part: Part, secret: bytes) -> Truth:
    """Labels and users (-1: none named) of a part in the order of the data, the order of asking candidates, and what
    the rows before it tell of each row.
    """
    here, before = rows_of(split.part, part), rows_of(split.part, *HISTORY_OF[part])
    order = _random(secret, f"rows of {part}").permutation(int(here.sum()))
    unknown = sum((_known_times(field, before, here) < LEAST_COUNT) for field in rows.fields)
    return Truth(
        labels=rows.labels[here],
        users=rows.users.codes[here] if rows.users else None,
        asked=order,
        activity=_known_times(rows.users, before, here, of_missing=0) if rows.users else None,
        unknown=np.zeros(len(order), dtype=np.int64) + unknown,
    )


def _known_times(field: Category, before: Bools, here: Bools, of_missing: int = LEAST_COUNT) -> Int64s:
    """How many of the rows `before` hold the value of each of the rows `here`; `of_missing` where it has none."""
    known = field.codes[before]
    counts = np.append(np.bincount(known[known >= 0], minlength=len(field.values)), of_missing)
    return counts[field.codes[here]]


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
    meta = {
        "kind": "rows",
        "n_rows": len(here),
        "n_users": len(rows.users.values) + 1 if rows.users else None,
        "numeric": [f"n{i:02d}" for i, _ in enumerate(rows.numbers, 1)],
        "categorical": [{"alias": f"c{i:02d}", "n_codes": v.n_codes} for i, v in enumerate(vocabularies, 1)],
    }
    folder.mkdir(parents=True)
    _write_features(rows, vocabularies, secret, here, folder)
    np.save(folder / "labels.npy", rows.labels[here].astype(np.float32), allow_pickle=False)
    _finish(folder, meta)


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
    folder.mkdir(parents=True)
    _write_features(rows, vocabularies, secret, here, folder)
    _finish(folder, answer)


def _in_time(rows: Impressions, here: Int64s) -> Int64s:
    """Oldest first; rows of one second as they stand in the file."""
    return here if rows.timestamps is None else here[np.argsort(rows.timestamps[here], kind="stable")]


def _write_features(
    rows: Impressions, vocabularies: Collection[Vocabulary], secret: bytes, here: Int64s, folder: Path
) -> None:
    numeric = [partial(_values, number) for number in rows.numbers]
    categorical = [partial(_codes, field, own) for field, own in zip(rows.fields, vocabularies, strict=True)]
    _write_table(folder / "numeric.npy", np.dtype(np.float32), numeric, here)
    _write_table(folder / "categorical.npy", np.dtype(np.int32), categorical, here)
    if rows.users is not None:
        np.save(folder / "users.npy", user_numbers(rows.users, secret)[rows.users.codes[here]], allow_pickle=False)
    if rows.timestamps is not None:
        np.save(folder / "timestamps.npy", rows.timestamps[here], allow_pickle=False)


def _values(number: Number, here: Int64s) -> Float32s:
    return number.values[here]


def _codes(field: Category, vocabulary: Vocabulary, here: Int64s) -> Int32s:
    return vocabulary.encode(field.codes[here])


def _write_table(
    path: Path, dtype: np.dtype[np.generic], columns: Sequence[Callable[[Int64s], Values]], here: Int64s
) -> None:
    """Columns side by side, [n, columns], written some rows at a time: the table never stands in memory."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (len(here), len(columns))}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for first in range(0, len(here), BLOCK_ROWS):
            rows = here[first : first + BLOCK_ROWS]
            block = np.empty((len(rows), len(columns)), dtype=dtype)
            for place, column in enumerate(columns):
                block[:, place] = column(rows)
            stream.write(block.tobytes())


def user_numbers(users: Category, secret: bytes) -> Int32s:
    """What candidates call each user, int32 [n_users + 1]; the last is for rows that name none.

    To a model "no user" is a value; the judge tells such rows apart.
    """
    return _random(secret, "users").permutation(len(users.values) + 1).astype(np.int32)


def _random(secret: bytes, purpose: str) -> np.random.Generator:
    seed = int.from_bytes(hashlib.sha256(purpose.encode() + b"\0" + secret).digest(), "big")
    return np.random.Generator(np.random.PCG64(seed))


def _finish(folder: Path, meta: Mapping[str, Any]) -> None:
    (folder / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(FILE_MODE)
    folder.chmod(FOLDER_MODE)
