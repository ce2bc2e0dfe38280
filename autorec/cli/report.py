"""The command that turns a run into a page."""

import sys
from pathlib import Path
from typing import Annotated

import typer

PAGE = "report.html"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(report)


def report(
    run: Annotated[str, typer.Argument(help="a name under runs/, or a path")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="the file to write, - for standard output; default: in the run's folder"),
    ] = None,
) -> None:
    """A run as one HTML file: evidence, progress, lineage, code, costs. No network and no script in it.

    Works while the run is going on, and after. Example: autorec report demo -o report.html
    """
    from autorec.cli.terminal import say
    from autorec.domain.errors import UsageError
    from autorec.store.folder import RunFolder, resolve_run
    from autorec.web.account import read_account
    from autorec.web.report import render

    folder = RunFolder.open(resolve_run(run))
    page = render(read_account(folder))
    folder.close()
    if str(output) == "-":
        sys.stdout.write(page)
        return
    if output is not None and output.exists():
        raise UsageError(f"{output} exists already", fix="give another -o, or leave it out")
    target = output or folder.path / PAGE
    try:
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}", fix="give another -o") from None
    say(f"{target}  ({len(page.encode()) / 1000:,.0f} kB)")
