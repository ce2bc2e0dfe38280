"""What a trained retrieval model needs where autorec is not installed, as `export/retrieval` reads it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from autorec.domain.job import HISTORY_OF, Part, Stage
from autorec.tasks.bundle import Permutation, write_query, write_training
from autorec.tasks.datasets import Dataset, Int32s
from autorec.tasks.holdouts import ground
from autorec.tasks.splits import Split


def write_trained(
    dataset: Dataset,
    split: Split,
    permutation: Permutation,
    folder: Path,
    *,
    stage: Stage,
    predictions: bytes | None,
    answer: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Write ids, bundles and hashes of the judged lists to `folder`; returns what its `about.json` says of them.

    `stage` is the one that the lists, `predictions`, were judged in. Without predictions nothing that users did or are
    is written.
    """
    write_ids(folder / "users.csv", "user", dataset.user_ids, permutation.users)
    write_ids(folder / "items.csv", "item", dataset.item_ids, permutation.items)
    if predictions is not None:
        write_training(dataset, split, permutation, stage.trained_on, folder / "data")
        write_query(dataset, split, permutation, stage.judged_on, folder / "query", answer)
        (folder / "judged.npy").write_bytes(_hashes(dataset, split, permutation, stage.judged_on, predictions))
    else:
        of_items = tuple(feature for feature in dataset.features if feature.side == "item")
        write_training(replace(dataset, features=of_items), split, permutation, (), folder / "data")
    return {
        "n_users": dataset.n_users,
        "n_items": dataset.n_items,
        "has_timestamps": dataset.timestamps is not None,
        "has_values": dataset.values is not None,
        "has_history": predictions is not None,
        "history": [str(part) for part in HISTORY_OF[stage.judged_on]] if predictions is not None else [],
        "top_k": answer["k"],
    }


def write_ids(file: Path, kind: str, raw: Sequence[str], numbers: Int32s | Sequence[int]) -> None:
    """`<kind>_id,number` in order of number, every id in quotes, so that any id can be read again."""
    quoted = sorted((int(number), raw_id.replace('"', '""')) for raw_id, number in zip(raw, numbers, strict=True))
    lines = (f'"{raw_id}",{number}\n' for number, raw_id in quoted)
    with file.open("w", encoding="utf-8", newline="") as out:
        out.writelines((f"{kind}_id,number\n", *lines))


def _hashes(dataset: Dataset, split: Split, permutation: Permutation, part: Part, predictions: bytes) -> bytes:
    """Uint64 .npy, one a judged list: blake2b of its items in the model's ids, as int32 little-endian bytes.

    Rows follow the users of `query/`, so that whoever has the folder can tell whether it still answers alike.
    """
    lists = np.load(BytesIO(predictions), allow_pickle=False)
    users = permutation.users[ground(dataset, split, part).users]
    in_model_ids = np.append(permutation.items, np.int32(-1))[lists][np.argsort(users)].astype("<i4")
    hashes = [int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "little") for row in in_model_ids]
    out = BytesIO()
    np.save(out, np.array(hashes, dtype=np.uint64), allow_pickle=False)
    return out.getvalue()
