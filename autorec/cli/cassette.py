"""Taking a recording out of a run: cassette."""

from pathlib import Path
from typing import Annotated

import typer

from autorec.cli.runs import Run


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(cassette)


def cassette(run: Run, folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder to make")]) -> None:
    """Extract the recording of a run that has ended: every call of a language model, what became of each training.

    Anyone can play it again: no key, no network, no data, no cost, nothing trained. It holds sources, prompts,
    replies, logs and metrics by user; no rows of the data and no weights.

    Example: autorec cassette demo recording, then autorec search --llm replay:recording
    """
    import shlex

    from autorec.cli.reader import read_run
    from autorec.cli.terminal import say
    from autorec.domain.text import count
    from autorec.wiring import extract, stored_config

    with read_run(run) as reader:
        calls = extract(reader.folder, folder)
        candidates = len(reader.state.candidates)
        retrain = f"--retrain{' --data PATH' if stored_config(reader.folder)[0].data else ''}"
    name = shlex.quote(str(folder))
    say(f"""{folder}: {count(candidates, "candidate")}, {count(calls, "call")} of language models

Next
  autorec search --llm replay:{name}{"":{len(retrain) + 1}}   play it: seconds, no key, no data
  autorec search --llm replay:{name} {retrain}   train the same candidates again, and compare
README.md says more; calls/ holds what was asked and answered""")
