"""Taking a candidate away: code, weights, ids, history and evidence in a folder that needs no autorec.

Only bytes are copied and text is written; the run is read, never written, and nothing of a candidate is imported.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autorec.assets import assets
from autorec.domain.candidate import SHORT_ID, Candidate
from autorec.domain.errors import RunError, UsageError
from autorec.domain.evaluation import Objective, Trained
from autorec.domain.events import RunStarted
from autorec.domain.job import Limits, Stage
from autorec.domain.retention import spare_weights
from autorec.domain.state import Record, State
from autorec.schemas.config import SearchConfig
from autorec.schemas.flags import data_flags
from autorec.schemas.replayed import replay_of
from autorec.tasks.known_roles import role_named
from autorec.tasks.roles import Material, Portable
from autorec.wiring.task import load_data

if TYPE_CHECKING:
    from autorec.store.folder import RunFolder

TRAINED = "trained"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What is put into one folder. `kept` is the training whose weights and judged predictions it holds."""

    run: "RunFolder"
    started: RunStarted
    state: State
    record: Record
    kept: Trained
    material: Material
    with_history: bool


def export_candidate(
    run: "RunFolder", state: State, record: Record, target: Path, *, data: Path | None = None, with_history: bool = True
) -> Trained:
    """Write `target`, whole or not at all; returns the training whose weights it holds.

    `data` says where the log is now, if it has moved. Raises UsageError, RunError, DataError, StoreError.
    """
    from autorec.exporting.folder import new_folder

    _require_served(state.task.role, run.called, record)
    kept = _kept(record, state, run)
    _require_weights(run, state, record, kept)
    started = _started(run)
    with new_folder(target) as folder:
        material = _material(started, data)
        export = Export(
            run=run,
            started=started,
            state=state,
            record=record,
            kept=kept,
            material=material,
            with_history=with_history,
        )
        _lay_out_code(export, folder)
        _lay_out_trained(export, folder / TRAINED)
        _lay_out_card(export, folder / "MODEL_CARD.md")
    return kept


def is_served(role: str) -> bool:
    """Whether candidates of the role can be exported."""
    from autorec.exporting.code import served_roles

    return role in served_roles(assets("export"))


def _require_served(role: str, run: str, record: Record) -> None:
    from autorec.exporting.code import served_roles

    served = served_roles(assets("export"))
    if role not in served:
        raise UsageError(
            f"candidates of the role {role!r} cannot be exported yet; those that can are of {', '.join(served)}",
            fix=f"take the code alone: autorec show {run} {record.id[:SHORT_ID]} --code-to DIR",
        )


def _lay_out_code(export: Export, folder: Path) -> None:
    from autorec.exporting.code import lay_out_code

    lay_out_code(
        folder,
        role=export.state.task.role,
        files=Candidate.from_bytes(export.run.objects.get(export.record.id)).files,
        templates=assets("export"),
        reckit=assets("sandbox") / "reckit",
        environment=export.started.environment,
    )


def _lay_out_trained(export: Export, folder: Path) -> None:
    from autorec.exporting.card import weights_of

    kept, objects, material, task = export.kept, export.run.objects, export.material, export.state.task
    if not isinstance(material, Portable):
        raise TypeError(f"export/{task.role} is there, but its material cannot be taken away")
    predictions = objects.get(str(kept.predictions)) if export.with_history else None
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(objects.get(str(kept.state)))
    about = {
        "format": FORMAT,
        "role": task.role,
        "candidate": export.record.id,
        "made_by": f"autorec {export.started.version}",
        "weights": weights_of(kept),
        "seed": kept.seed,
        "ties_seed": kept.seed + judged_checkpoint(kept, task.primary),
        "training_s": export.started.config["training"],
        "threads": Limits().threads,
        **material.write_trained(export.run.secret, folder, stage=kept.stage, predictions=predictions),
    }
    (folder / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def _lay_out_card(export: Export, file: Path) -> None:
    from autorec.exporting.card import Card

    described, role = export.material.describe(), role_named(export.state.task.role)
    card = Card(
        state=export.state,
        started=export.started,
        record=export.record,
        kept=export.kept,
        protocol=role.protocol(export.state.task),
        shown=role.shown,
        data=(*described.rows(), *(("beware", warning) for warning in described.warnings)),
        use=role.takeaway.use,
        holds=role.takeaway.holds,
        unknown=role.takeaway.unknown,
        with_history=export.with_history,
    )
    file.write_text(card.text(), encoding="utf-8")


def judged_checkpoint(trained: Trained, objective: Objective) -> int:
    """The index of the checkpoint whose lists were kept: ties in them are broken by the seed plus this.

    In the search the best validation is the judged one; later stages judge a fresh sandbox's first answer.
    """
    if trained.stage is not Stage.SEARCH:
        return 0
    worths = [objective.worth(point.value) for point in trained.curve]
    return worths.index(max(worths))


def _kept(record: Record, state: State, run: "RunFolder") -> Trained:
    """The training to export. Raises UsageError that says why there is none."""
    if record.kept is not None:
        return record.kept
    short, done = record.name or record.id[:SHORT_ID], record.search
    fix = f"`autorec list {run.called}` shows those that completed"
    if done is None:
        problem = f"was not trained: {state.not_trained(record, run.at_work)}"
    elif not done.ok:
        problem = f"never completed ({done.outcome}): {done.reason}"
    else:
        problem = "was recalled from the cache of baselines, which keeps no weights: they are in another run's ids"
        fix = "search again with AUTOREC_HOME set to an empty folder, and the baselines are trained anew"
    raise UsageError(f"{short} cannot be exported: it {problem}", fix=fix)


def _require_weights(run: "RunFolder", state: State, record: Record, kept: Trained) -> None:
    """Raises UsageError where the weights were removed, as nothing of the run needs them, or never were there."""
    config = _started(run).config
    if (recording := replay_of(config)) and not config.get("retrain"):
        raise UsageError(
            f"{record.id[:SHORT_ID]} cannot be exported: the run replays {recording} and has no weights",
            fix=f"train it again: autorec search --llm replay:{recording} --retrain --data PATH",
        )
    if kept.state not in spare_weights(state) or run.objects.holds(kept.state):
        return
    short = record.id[:SHORT_ID]
    raise UsageError(
        f"{short} cannot be exported: it did not survive, and keep_weights = 'survivors' removed its weights",
        fix=f"train its code again, keeping all: autorec show {run.called} {short} --code-to FOLDER; then "
        f"AUTOREC_SEARCH_KEEP_WEIGHTS=all autorec search{data_flags(_started(run).config)} --seed-code FOLDER",
    )


def _started(run: "RunFolder") -> RunStarted:
    event = next(run.events.read(upto=1), None)
    if not isinstance(event, RunStarted):
        raise RunError(f"{run.path} was never fully begun", fix="begin a new run")
    return event


def _material(started: RunStarted, moved: Path | None) -> Material:
    stored = {key: value for key, value in started.config.items() if key not in ("seed_sources", "own")}
    config = SearchConfig.model_validate(stored | ({"data": moved} if moved else {}))
    if config.data and not config.data.exists():
        raise RunError(f"the log of the run is no longer at {config.data}", fix="say where it is now: --data PATH")
    material, task = load_data(config), started.task
    for what, found, expected in (
        ("data", material.data.digest, task.data_digest),
        ("split", material.split.digest, task.split_digest),
    ):
        if found != expected:
            raise RunError(
                f"the {what} at {config.data} is not what the run was made on: digest {found[:12]}, "
                f"expected {expected[:12]}",
                fix="put the original file back, or say where it is now: --data PATH",
            )
    return material
