"""Saying which candidates may be run, where a run asks (`search --approve`)."""

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from autorec.cli.runs import Json, Run
from autorec.domain.errors import UsageError

if TYPE_CHECKING:
    from autorec.domain.state import Record
    from autorec.wiring import RunReader

ANSWERS = "[y]es, [n]o, [s]kip, show its [c]ode: "


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(approve)


def approve(
    run: Run,
    candidates: Annotated[
        list[str] | None,
        typer.Argument(metavar="CANDIDATE", help="ids or their beginnings, or all; none: what waits"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Have a run train candidates that wait for your word; `autorec ban RUN CANDIDATE` refuses one.

    Without a candidate it shows what waits and, on a terminal, asks of each. A run asks if it was begun with
    `search --approve`, of all candidates but baselines and your own --seed-code.

    Examples: autorec approve demo · autorec approve demo 3f2a 91bc · autorec approve demo all
    """
    from autorec import wiring
    from autorec.cli.reader import read_run
    from autorec.cli.steer import path_of
    from autorec.cli.terminal import say

    if candidates:
        records, receipt = wiring.approve(path_of(run), candidates)
        if as_json:
            print(json.dumps({"approved": [record.id for record in records], "at_work": receipt.at_work}))
            return
        for record in records:
            say(f"approved: #{record.number} {record.id[:10]}")
        say(_taken(receipt.at_work, run))
        return
    with read_run(run) as reader:
        waiting = wiring.awaiting(reader.folder, reader.state)
        if as_json:
            print(json.dumps({"waiting": [_as_json(record, reader) for record in waiting]}))
        elif waiting and sys.stdin.isatty() and sys.stdout.isatty():
            _walk(waiting, reader)
        else:
            _list(waiting, reader)


def _list(waiting: "tuple[Record, ...]", reader: "RunReader") -> None:
    from autorec.cli.terminal import say
    from autorec.domain.text import count

    run = reader.folder.called
    if not waiting:
        say(f"nothing waits for approval in {run} now; `autorec status {run}` says what it does")
        return
    say(f"{count(len(waiting), 'candidate')} {'waits' if len(waiting) == 1 else 'wait'} for approval")
    for record in waiting:
        _show(record, reader)
    first = waiting[0].id[:10]
    say(f"""
Next
  autorec show {run} {first} --code   read it
  autorec approve {run} {first}       have it run (or all)
  autorec ban {run} {first} --why ... refuse it""")


def _walk(waiting: "tuple[Record, ...]", reader: "RunReader") -> None:
    """Ask of each; the end of the input leaves the rest as it is."""
    from autorec import wiring
    from autorec.cli.candidate import VIEWS
    from autorec.cli.terminal import say

    for record in waiting:
        _show(record, reader)
        while True:
            try:
                answer = input(ANSWERS).strip().lower()
            except EOFError:
                say("")
                return
            if answer in ("y", "yes"):
                _tell(wiring.approve, reader.folder.path, [record.id])
            elif answer in ("n", "no"):
                _tell(wiring.ban, reader.folder.path, record.id)
            elif answer in ("c", "code", "show"):
                VIEWS["code"](record, reader)
                continue
            elif answer not in ("s", "skip"):
                continue
            break
    say(_taken(reader.folder.at_work, reader.folder.called))


def _tell(answer: Callable[..., object], *what: object) -> None:
    """Tell the run; where somebody else answered meanwhile, that is said, and the next one is asked about."""
    from autorec.cli.terminal import say

    try:
        answer(*what)
    except UsageError as error:
        say(str(error))


def _show(record: "Record", reader: "RunReader") -> None:
    """What one is and claims, and how large it is."""
    from autorec.cli.summary import describe, short
    from autorec.cli.terminal import Screen
    from autorec.domain.text import plain

    console = Screen()
    parents = " ".join(short(reader.state.records[parent]) for parent in record.parents)
    console.print(
        f"\n#{record.number} {short(record)}  {describe(record)} by {record.model or record.proposer}", soft_wrap=True
    )
    pairs = {
        "from": parents,
        "because": record.why,
        "design": ", ".join(f"{name}={chosen}" for name, chosen in (record.design or {}).items()),
        "hypothesis": record.hypothesis,
        "predicts": record.predicted_effect,
        "size": _size(record, reader),
    }
    for name, text in pairs.items():
        if text:
            console.pair(f"  {name}", plain(text), indent=14)


def _size(record: "Record", reader: "RunReader") -> str:
    files = reader.files(record.id)
    return f"{sum(text.count(chr(10)) for text in files.values()):,} lines in {', '.join(files)}"


def _as_json(record: "Record", reader: "RunReader") -> dict[str, object]:
    return {
        "id": record.id,
        "number": record.number,
        "operator": str(record.operator),
        "proposer": record.proposer,
        "model": record.model,
        "parents": list(record.parents),
        "hypothesis": record.hypothesis,
        "predicted_effect": record.predicted_effect,
        "lines": {path: text.count("\n") for path, text in reader.files(record.id).items()},
    }


def _taken(at_work: bool, run: str) -> str:
    if at_work:
        return "the run takes notice within seconds"
    return f"what was said waits: no process works on this run; `autorec resume {run}` goes on with it"
