"""What an export's `trained/` folder holds beside the code, for each role; its code is in `export/<role>/`."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autorec.domain.evaluation import Objective, Trained
from autorec.domain.events import RunStarted
from autorec.domain.job import Limits, Stage
from autorec.domain.state import Record, State
from autorec.ports import Objects

if TYPE_CHECKING:
    from autorec.tasks.bundle import Permutation
    from autorec.tasks.datasets import Dataset
    from autorec.tasks.splits import Split

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What is put into one folder. `kept` is the training whose state and judged lists it holds."""

    started: RunStarted
    state: State
    record: Record
    kept: Trained
    objects: Objects
    dataset: "Dataset"
    split: "Split"
    permutation: "Permutation"
    with_history: bool


def _lay_out_retrieval(export: Export, folder: Path) -> None:
    """`trained/` as `export/retrieval` reads it: weights, ids, what was known, and hashes of the judged lists."""
    from autorec.tasks.bundle import write_query, write_training

    dataset, split, permutation, stage = export.dataset, export.split, export.permutation, export.kept.stage
    write_ids(folder / "users.csv", "user", dataset.user_ids, permutation.users)
    write_ids(folder / "items.csv", "item", dataset.item_ids, permutation.items)
    (folder / "weights.safetensors").write_bytes(export.objects.get(str(export.kept.state)))
    if export.with_history:
        write_training(dataset, split, permutation, stage.trained_on, folder / "data")
        write_query(dataset, split, permutation, stage.judged_on, folder / "query")
        (folder / "judged.npy").write_bytes(_hashes_of(export))
    else:
        of_items = tuple(f for f in dataset.features if f.side == "item")
        write_training(replace(dataset, features=of_items), split, permutation, (), folder / "data")
    (folder / "about.json").write_text(json.dumps(_about(export), indent=2) + "\n", encoding="utf-8")


LAYOUTS: Mapping[str, Callable[[Export, Path], None]] = {"retrieval": _lay_out_retrieval}
"""The roles that can be exported."""


def _about(export: Export) -> dict[str, Any]:
    from autorec.exporting.card import weights_of

    task, kept, dataset = export.state.task, export.kept, export.dataset
    return {
        "format": FORMAT,
        "role": task.role,
        "candidate": export.record.id,
        "made_by": f"autorec {export.started.version}",
        "weights": weights_of(kept),
        "n_users": dataset.n_users,
        "n_items": dataset.n_items,
        "has_timestamps": dataset.timestamps is not None,
        "has_values": dataset.values is not None,
        "has_history": export.with_history,
        "seed": kept.seed,
        "ties_seed": kept.seed + judged_checkpoint(kept, task.primary),
        "top_k": task.top_k,
        "training_s": export.started.config["training"],
        "threads": Limits().threads,
    }


def judged_checkpoint(trained: Trained, objective: Objective) -> int:
    """The index of the checkpoint whose lists were kept: ties in them are broken by the seed plus this.

    In the search the best validation is the judged one; later stages judge a fresh sandbox's first answer.
    """
    if trained.stage is not Stage.SEARCH:
        return 0
    worths = [objective.worth(point.value) for point in trained.curve]
    return worths.index(max(worths))


def write_ids(file: Path, kind: str, raw: Sequence[str], numbers: Any) -> None:
    """`<kind>_id,number` in order of number, every id in quotes, so that any id can be read again."""
    quoted = {int(number): raw_id.replace('"', '""') for raw_id, number in zip(raw, numbers, strict=True)}
    lines = (f'"{quoted[number]}",{number}\n' for number in range(len(raw)))
    with file.open("w", encoding="utf-8", newline="") as out:
        out.writelines((f"{kind}_id,number\n", *lines))


def _hashes_of(export: Export) -> bytes:
    """Uint64 .npy, one a judged list: blake2b of its items in the model's ids, as int32 little-endian bytes.

    Rows follow the users of `query/`, so that whoever has the folder can tell whether it still answers alike.
    """
    import numpy as np

    from autorec.tasks.holdouts import ground

    lists = np.load(BytesIO(export.objects.get(str(export.kept.predictions))), allow_pickle=False)
    users = export.permutation.users[ground(export.dataset, export.split, export.kept.stage.judged_on).users]
    in_model_ids = np.append(export.permutation.items, np.int32(-1))[lists][np.argsort(users)].astype("<i4")
    hashes = [int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "little") for row in in_model_ids]
    out = BytesIO()
    np.save(out, np.array(hashes, dtype=np.uint64), allow_pickle=False)
    return out.getvalue()
