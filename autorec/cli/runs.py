"""Looking at runs: status, list, show, diff."""

import difflib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autorec.domain.candidate import SHORT_ID
from autorec.domain.errors import UsageError

if TYPE_CHECKING:
    from autorec.wiring import RunReader

Run = Annotated[str, typer.Argument(help="a name under runs/, or a path")]
Cand = Annotated[str, typer.Argument(help="a candidate's id or its beginning, a baseline's name, or champion")]
Json = Annotated[bool, typer.Option("--json", help="one line of JSON on standard output")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(status)
    app.command(name="list")(list_)
    app.command()(show)
    app.command()(diff)


def status(run: Run, as_json: Json = False) -> None:
    """Where a run stands: what is decided, what runs, what it cost.

    Example: autorec status demo
    """
    from autorec.cli.costs import cost_lines
    from autorec.cli.reader import read_run
    from autorec.cli.summary import as_json as summary
    from autorec.cli.summary import fault_line, short, stage_of, waits_line
    from autorec.cli.terminal import Screen
    from autorec.domain.control import held_line
    from autorec.domain.resolution import evidence_line
    from autorec.domain.text import duration
    from autorec.schemas.replayed import go_on_line, replay_of, replayed_line
    from autorec.wiring import stored_config

    reader = read_run(run)
    state, name, worked_s = reader.state, reader.folder.called, reader.folder.events.worked_s()
    standing = state.standing(reader.at_work)
    config = stored_config(reader.folder)[0].model_dump(mode="json")
    if as_json:
        told = {"standing": standing, "training": list(state.training), "awaiting_approval": list(state.awaiting)}
        print(json.dumps({**summary(state, str(reader.folder.path), worked_s, config), **told}))
        return
    console = Screen()
    refused = sum(r.refused for r in state.candidates)
    failed = sum(r.search is not None and not r.ok for r in state.candidates) - refused
    training = ", ".join(short(state.records[i]) for i in state.training)
    console.print(name, style="bold", end="")
    until_now = f"{duration(worked_s)} of work until now"
    console.print({
        "finished": f"  finished: {state.ended}, {duration(worked_s)}",
        "running": f"  running: {stage_of(state)}, {duration(worked_s)} until now",
        "paused": f"  paused since {_moment(reader, state.paused_at)}, {until_now}",
        "waiting": f"  waits for approval since {_moment(reader, state.seq)}, {until_now}",
        "interrupted": f"  interrupted after {duration(worked_s)}, {stage_of(state)}; {go_on_line(name, config)}",
    }[standing])  # fmt: skip
    console.print(f"data        {state.task.data_name} ({state.task.data_digest[:12]}), split {state.task.split_rule}")
    console.print(
        f"candidates  {len(state.candidates)} admitted, {len(state.decided)} decided, {failed} failed"
        + (f", {refused} refused" if refused else "")
    )
    if standing in ("paused", "waiting", "running") and (waits := waits_line(state, name)):
        console.print(f"waits       {waits}")
    if standing == "interrupted" and (waits := waits_line(state, name)):
        console.print(f"waits       {'it was paused; to resume it ends the pause' if state.paused else waits}")
    if reader.at_work and state.ended is None:
        console.print(f"under way   {training or 'nothing'}")
    elif training:
        console.print(f"broken off  {training}")
    console.print(
        f"generations {len(state.generations)}, survivors {', '.join(map(short, state.survivors)) or 'none yet'}"
    )
    if state.controls:
        console.print(f"controls    {held_line(state.controls)}")
    for line in cost_lines(state):
        console.print(line)
    if recording := replay_of(config):
        paid = "trained again here" if config["retrain"] else "nothing was trained or judged here"
        console.print(f"replay      of {recording}: {paid}; what was asked, and what that cost, is the recording's")
    for writer, fault in state.faults.items():
        again = "" if state.search_ended or replay_of(config) else f" `autorec resume {name}` asks it again."
        console.print(f"out         {fault_line(writer, fault)}{again}")
    if state.champion:
        console.print(f"champion    {short(state.records[state.champion])}: {state.champion_reason}")
        console.print(evidence_line(state))
        if replayed := replayed_line(config):
            console.print(replayed)


def _moment(reader: "RunReader", seq: int | None) -> str:
    """When an event was recorded, on the clock of whoever looks."""
    return f"{datetime.fromtimestamp(reader.folder.events.moment(seq or 1), UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def list_(
    run: Annotated[str | None, typer.Argument(help="a name under runs/, or a path; none: list the runs")] = None,
    as_json: Json = False,
) -> None:
    """The candidates of a run, or the runs.

    Examples: autorec list · autorec list demo · autorec list demo --json
    """
    from autorec.cli.listing import candidate_table
    from autorec.cli.reader import read_run
    from autorec.cli.summary import list_json
    from autorec.cli.terminal import Screen
    from autorec.store.folder import RUNS

    if run is None:
        _list_runs(RUNS, as_json)
        return
    reader = read_run(run)
    if as_json:
        print(json.dumps(list_json(reader.state, reader.at_work)))
        return
    console = Screen()
    console.print(candidate_table(reader.state, at_work=reader.at_work, width=console.width))


def show(
    run: Run,
    candidate: Cand,
    code: Annotated[bool, typer.Option("--code", help="the sources")] = False,
    code_to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="write the sources to a new folder, for evaluate DIR or search --seed-code"),
    ] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="what the language model was asked")] = False,
    reply: Annotated[bool, typer.Option("--reply", help="what it answered")] = False,
    log: Annotated[bool, typer.Option("--log", help="what the training printed")] = False,
    curve: Annotated[bool, typer.Option("--curve", help="value at each validation")] = False,
    as_json: Json = False,
) -> None:
    """One candidate: its record, or one part of it.

    Examples: autorec show demo 3fa9c1 --code · autorec show demo 3fa9c1 --code-to mine
    """
    from autorec.cli import candidate as view
    from autorec.cli.reader import read_run

    reader = read_run(run)
    record = reader.record(candidate)
    if code_to is not None:
        view.write_code(record, reader, code_to)
        return
    if as_json:
        print(json.dumps(view.as_json(record, reader.folder.objects)))
        return
    parts = {"code": code, "prompt": prompt, "reply": reply, "log": log, "curve": curve}
    for part in [name for name, asked in parts.items() if asked] or ["record"]:
        view.VIEWS[part](record, reader)


def diff(
    run: Run,
    a: Cand,
    b: Annotated[str | None, typer.Argument(help="another candidate; by default A's first parent")] = None,
) -> None:
    """What changed between two candidates' sources, from B to A.

    Examples: autorec diff demo 3fa9c1 · autorec diff demo 3fa9c1 sasrec
    """
    from autorec.cli.reader import read_run
    from autorec.cli.terminal import say

    reader = read_run(run)
    new = reader.record(a)
    if b is None and not new.parents:
        raise UsageError(
            f"{a} has no parent to compare with", fix=f"name one: autorec diff {reader.folder.called} {a} OTHER"
        )
    old = reader.record(b or new.parents[0])
    before, after = reader.files(old.id), reader.files(new.id)
    for path in sorted({*before, *after}):
        lines = difflib.unified_diff(
            before.get(path, "").splitlines(),
            after.get(path, "").splitlines(),
            f"{old.id[:SHORT_ID]}/{path}",
            f"{new.id[:SHORT_ID]}/{path}",
            lineterm="",
        )
        for line in lines:
            say(line)


def _list_runs(folder: Path, as_json: bool) -> None:
    from autorec.cli.terminal import say

    found = sorted(p.parent for p in folder.glob("*/run.db")) if folder.is_dir() else []
    if as_json:
        print(json.dumps({"runs": [str(p) for p in found]}))
    elif not found:
        say(f"no runs under {folder.resolve()}; `autorec search` makes one")
    else:
        for path in found:
            say(path.name)
