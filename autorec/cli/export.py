"""Taking a candidate away: export."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from autorec.cli.runs import Cand, Run


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(export)


def export(
    run: Run,
    candidate: Cand,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder to make")],
    history: Annotated[
        bool,
        typer.Option(help="Take along the rows that the model was built and judged on, which are the users' data."),
    ] = True,
    data: Annotated[Path | None, typer.Option(help="Where the data of the run is now, if it has moved.")] = None,
) -> None:
    """Make a folder with a candidate's code, weights, ids and evidence; it works where autorec is not installed.

    Examples: autorec export demo champion my-recommender · autorec export demo 3fa9c1 elsewhere --no-history
    """
    from autorec.cli.reader import read_run
    from autorec.cli.summary import short
    from autorec.domain.text import plain
    from autorec.exporting.card import weights_of
    from autorec.tasks.known_roles import role_named
    from autorec.wiring.export import export_candidate

    reader = read_run(run)
    record = reader.record(candidate)
    kept = export_candidate(reader.folder, reader.state, record, folder, data=data, with_history=history)
    said = role_named(reader.state.task.role).takeaway
    steps = {said.ask if history else said.ask_bare: said.answers, "train --data YOUR.csv": "train it again"}
    if history:
        steps["verify"] = "compute anew what was judged, and compare"
    width = max(map(len, steps))
    commands = "\n".join(f"  python -m recommender {command:<{width}}  {what}" for command, what in steps.items())
    print(
        plain(f"""{folder}: {short(record)}, weights of {weights_of(kept)}

Next, with or without autorec
  cd {shlex.quote(str(folder))}
  pip install -r requirements.txt
{commands}
README.md says more, MODEL_CARD.md what was measured and what nobody knows""")
    )
