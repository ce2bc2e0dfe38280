"""Taking a candidate away: code, weights, ids, history and evidence in a folder that needs no autorec.

Only bytes are copied and text is written; the run is read, never written, and nothing of a candidate is imported.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autorec.assets import assets
from autorec.domain.candidate import SHORT_ID, Candidate
from autorec.domain.errors import RunError, UsageError
from autorec.domain.evaluation import Objective, Trained
from autorec.domain.events import RunStarted
from autorec.domain.job import Limits, Stage
from autorec.domain.state import Record, State
from autorec.ports import Objects
from autorec.schemas.config import SearchConfig
from autorec.wiring.arena import load_data

if TYPE_CHECKING:
    from autorec.store.folder import RunFolder
    from autorec.tasks.bundle import Permutation
    from autorec.tasks.datasets import Dataset
    from autorec.tasks.splits import Split

FORMAT = 1
TRAINED = "trained"


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


def export_candidate(
    run: "RunFolder", state: State, record: Record, target: Path, *, data: Path | None = None, with_history: bool = True
) -> Trained:
    """Write `target`, whole or not at all; returns the training whose weights it holds.

    `data` says where the log is now, if it has moved. Raises UsageError, RunError, DataError, StoreError.
    """
    from autorec.exporting.card import Card
    from autorec.exporting.code import lay_out_code, served_roles
    from autorec.exporting.folder import new_folder
    from autorec.tasks.bundle import Permutation

    role, templates = state.task.role, assets("export")
    if role not in served_roles(templates) or role not in LAYOUTS:
        raise UsageError(
            f"candidates of the role {role!r} cannot be exported yet; those that can are of {', '.join(LAYOUTS)}",
            fix=f"take the code alone: autorec show {run.path} {record.id[:SHORT_ID]} --code",
        )
    kept = _kept(record, run.path)
    started = _started(run)
    with new_folder(target) as folder:
        dataset, split = _data(started, data)
        export = Export(
            started=started,
            state=state,
            record=record,
            kept=kept,
            objects=run.objects,
            dataset=dataset,
            split=split,
            permutation=Permutation.of(run.secret, dataset.n_users, dataset.n_items),
            with_history=with_history,
        )
        lay_out_code(
            folder,
            role=role,
            files=Candidate.from_bytes(run.objects.get(record.id)).files,
            templates=templates,
            reckit=assets("sandbox") / "reckit",
            environment=started.environment,
        )
        (folder / TRAINED).mkdir()
        LAYOUTS[role](export, folder / TRAINED)
        card = Card(
            state=state,
            started=started,
            record=record,
            kept=kept,
            notes=(*dataset.notes, *split.notes),
            features=[f"{f.side} {f.name}" for f in dataset.features],
            with_history=with_history,
        )
        (folder / "MODEL_CARD.md").write_text(card.text(), encoding="utf-8")
    return kept


def _kept(record: Record, run: Path) -> Trained:
    """The training to export. Raises UsageError that says why there is none."""
    if record.kept is not None:
        return record.kept
    short, done = record.name or record.id[:SHORT_ID], record.search
    if done is None:
        problem, fix = "has not been trained yet", f"wait; `autorec status {run}` shows what is under way"
    elif not done.ok:
        problem, fix = f"never completed ({done.outcome}): {done.reason}", f"`autorec list {run}` shows those that did"
    else:
        problem = "was recalled from the cache of baselines, which keeps no weights: they are in another run's ids"
        fix = "search again with AUTOREC_HOME set to an empty folder, and the baselines are trained anew"
    raise UsageError(f"{short} cannot be exported: it {problem}", fix=fix)


def _started(run: "RunFolder") -> RunStarted:
    event = next(run.events.read(upto=1), None)
    if not isinstance(event, RunStarted):
        raise RunError(f"{run.path} was never fully begun", fix="begin a new run")
    return event


def _data(started: RunStarted, moved: Path | None) -> "tuple[Dataset, Split]":
    stored = {key: value for key, value in started.config.items() if key != "seed_sources"}
    config = SearchConfig.model_validate(stored | ({"data": moved} if moved else {}))
    dataset, split = load_data(config)
    if (dataset.digest, split.digest) != (started.task.data_digest, started.task.split_digest):
        raise RunError(
            f"the data at {config.data} is not what the run was made on: digest {dataset.digest[:12]}, "
            f"expected {started.task.data_digest[:12]}",
            fix="put the original file back, or say where it is now: --data PATH",
        )
    return dataset, split


def _lay_out_retrieval(export: Export, folder: Path) -> None:
    """`trained/` as `export/retrieval` reads it: weights, ids, what was known, and hashes of the judged lists."""
    from autorec.tasks.bundle import write_query, write_training

    dataset, split, permutation, stage = export.dataset, export.split, export.permutation, export.kept.stage
    _write_ids(folder / "users.csv", "user", dataset.user_ids, permutation.users)
    _write_ids(folder / "items.csv", "item", dataset.item_ids, permutation.items)
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
"""What a role's export holds beside the code; its code is in `export/<role>/`."""


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


def _write_ids(file: Path, kind: str, raw: tuple[str, ...], numbers: Any) -> None:
    """`<kind>_id,number` in order of number, every id in quotes, so that any id can be read again."""
    quoted = {int(number): raw_id.replace('"', '""') for raw_id, number in zip(raw, numbers, strict=True)}
    lines = (f'"{quoted[number]}",{number}\n' for number in range(len(raw)))
    with file.open("w", encoding="utf-8", newline="") as out:
        out.writelines((f"{kind}_id,number\n", *lines))


def _hashes_of(export: Export) -> bytes:
    """Uint64 .npy, one a judged list as the model gave it: blake2b of its int32 little-endian bytes, in the model's ids.

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
