"""Taking a candidate away: code, weights, ids, history and evidence in a folder that needs no autorec.

Only bytes are copied and text is written; the run is read, never written, and nothing of a candidate is imported.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from autorec.assets import assets
from autorec.domain.candidate import SHORT_ID, Candidate
from autorec.domain.errors import RunError, UsageError
from autorec.domain.evaluation import Trained
from autorec.domain.events import RunStarted
from autorec.domain.state import Record, State
from autorec.schemas.config import SearchConfig
from autorec.wiring.arena import load_data
from autorec.wiring.export_layouts import LAYOUTS, Export

if TYPE_CHECKING:
    from autorec.store.folder import RunFolder
    from autorec.tasks.datasets import Dataset
    from autorec.tasks.splits import Split

TRAINED = "trained"


def export_candidate(
    run: "RunFolder", state: State, record: Record, target: Path, *, data: Path | None = None, with_history: bool = True
) -> Trained:
    """Write `target`, whole or not at all; returns the training whose weights it holds.

    `data` says where the log is now, if it has moved. Raises UsageError, RunError, DataError, StoreError.
    """
    from autorec.exporting.folder import new_folder
    from autorec.tasks.bundle import Permutation

    role = state.task.role
    if role not in LAYOUTS:
        raise UsageError(
            f"candidates of the role {role!r} cannot be exported yet; those that can are of {', '.join(LAYOUTS)}",
            fix=f"take the code alone: autorec show {run.path} {record.id[:SHORT_ID]} --code",
        )
    kept = _kept(record, state, run.path)
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
        _lay_out(export, folder)
    return kept


def _lay_out(export: Export, folder: Path) -> None:
    from autorec.exporting.card import Card
    from autorec.exporting.code import lay_out_code

    role, dataset = export.state.task.role, export.dataset
    lay_out_code(
        folder,
        role=role,
        files=Candidate.from_bytes(export.objects.get(export.record.id)).files,
        templates=assets("export"),
        reckit=assets("sandbox") / "reckit",
        environment=export.started.environment,
    )
    (folder / TRAINED).mkdir()
    LAYOUTS[role](export, folder / TRAINED)
    card = Card(
        state=export.state,
        started=export.started,
        record=export.record,
        kept=export.kept,
        notes=(*dataset.notes, *export.split.notes),
        features=[f"{feature.side} {feature.name}" for feature in dataset.features],
        with_history=export.with_history,
    )
    (folder / "MODEL_CARD.md").write_text(card.text(), encoding="utf-8")


def _kept(record: Record, state: State, run: Path) -> Trained:
    """The training to export. Raises UsageError that says why there is none."""
    if record.kept is not None:
        return record.kept
    short, done = record.name or record.id[:SHORT_ID], record.search
    if done is None and state.search_ended:
        problem, fix = "was never trained: the search ended before its turn", f"`autorec list {run}` shows what was"
    elif done is None:
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
    if config.data and not config.data.exists():
        raise RunError(f"the log of the run is no longer at {config.data}", fix="say where it is now: --data PATH")
    dataset, split = load_data(config)
    if (dataset.digest, split.digest) != (started.task.data_digest, started.task.split_digest):
        raise RunError(
            f"the data at {config.data} is not what the run was made on: digest {dataset.digest[:12]}, "
            f"expected {started.task.data_digest[:12]}",
            fix="put the original file back, or say where it is now: --data PATH",
        )
    return dataset, split
