"""What came of the hypotheses of a run."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import typer

from autorec.cli.runs import Json, Run
from autorec.domain.findings import Answer, Finding
from autorec.domain.hypothesis import Verdict
from autorec.domain.state import State

STYLES = {Verdict.CONFIRMED: "green", Verdict.REFUTED: "red", Verdict.OPEN: "yellow"}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(hypotheses)


def hypotheses(run: Run, as_json: Json = False) -> None:
    """Each hypothesis of a run, a person's or a model's, and whether it was confirmed, refuted or is open.

    Example: autorec hypotheses demo
    """
    from rich.table import Table
    from rich.text import Text

    from autorec.cli.reader import read_run
    from autorec.cli.terminal import Screen
    from autorec.domain.text import plain
    from autorec.wiring import weigh_hypotheses

    reader = read_run(run)
    found = weigh_hypotheses(reader.folder, reader.state)
    if as_json:
        print(json.dumps({"hypotheses": [asdict(finding) for finding in found]}))
        return
    table = Table.grid(padding=(0, 2, 1, 0))
    for finding in found:
        lines = [Text(plain(line)) for line in _lines(finding, reader.state)]
        lines[0].stylize("bold")
        table.add_row(Text(finding.verdict, style=STYLES[finding.verdict]), Text("\n").join(lines))
    console = Screen()
    console.print(table)
    console.print(Text(_note(found, reader.state)))


def _lines(finding: Finding, state: State) -> Iterator[str]:
    yield finding.sentence
    yield f"by {finding.by}; predicted: {finding.predicted_effect or 'no effect stated'}"
    for answer in finding.answers:
        yield _answer(answer, state)
    if finding.why and finding.why not in {answer.why for answer in finding.answers}:
        yield finding.why


def _answer(answer: Answer, state: State) -> str:
    from autorec.cli.summary import short

    name = short(state.records[answer.candidate])
    remark = f": {answer.why}" if answer.why else ""
    if answer.difference is None:
        return f"{name}{remark}"
    rival, d = short(state.records[answer.against or ""]), answer.difference
    return f"{name} against {rival} {d.effect:+.4f} [{d.low:+.4f}, {d.high:+.4f}]{remark}"


def _note(found: tuple[Finding, ...], state: State) -> str:
    compared = sum(answer.difference is not None for finding in found for answer in finding.answers)
    if not found:
        return "This run has no hypotheses. `autorec hypothesize` tells it one, where it has a language model."
    if not compared:
        return "Nothing has been compared yet."
    return (
        f"Differences in {state.task.primary.name} on select, of one training a side, with 95 % paired bootstrap "
        f"intervals. They are not corrected for there being {compared}: where nothing is true, about one in "
        "twenty still excludes zero. What the sealed test says of the champion is apart from them."
    )
