"""What a run has learned, and what a file remembers of many."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from autorec.cli.runs import Json
from autorec.domain.errors import UsageError
from autorec.domain.lesson import Lesson, Tally

NO_LESSONS = (
    "This run has no lessons: a language model is asked for them when a generation has closed (--llm), "
    "and --memory FILE brings those of earlier runs."
)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(lessons)


def lessons(
    run: Annotated[str | None, typer.Argument(help="a name under runs/, or a path")] = None,
    memory: Annotated[Path | None, typer.Option(help="a file of lessons, instead of a run")] = None,
    as_json: Json = False,
) -> None:
    """The lessons of a run, or of a file that outlives runs: what holds for each, and what against it.

    Examples: autorec lessons demo · autorec lessons --memory lessons.jsonl
    """
    if (run is None) == (memory is None):
        raise UsageError("lessons of what?", fix="name a run, or give --memory FILE; one of them")
    if memory is not None:
        _show(*_remembered(memory), as_json, nothing=f"{memory} holds no lesson yet.")
        return
    from autorec.cli.reader import read_run

    state = read_run(run or "").state
    numbers = {record.id: f"#{record.number}" for record in state.records.values()}
    shown = [{"role": state.task.role}] * len(state.lessons)
    _show(state.lessons, shown, as_json, nothing=NO_LESSONS, name=numbers.__getitem__)


def to_json(number: int, lesson: Lesson) -> dict[str, Any]:
    """A lesson for scripts; its number is what prompts call it, after an L."""
    return {
        "number": number,
        "lesson": lesson.sentence,
        "about": list(lesson.tags),
        "model": lesson.model or None,
        "held": lesson.held,
        "failed": lesson.failed,
        "supports": list(lesson.supports),
        "contradicts": list(lesson.contradicts),
        "remembered": lesson.remembered,
        "runs": [
            {
                "run": tally.run,
                "data": tally.data,
                "data_digest": tally.data_digest,
                "date": tally.date,
                "autorec": tally.version,
                "support": tally.support,
                "contradiction": tally.contradiction,
            }
            for tally in lesson.earlier
        ],
    }


def _remembered(path: Path) -> tuple[list[Lesson], list[dict[str, str]]]:
    from autorec.store.memory import read_memory

    lines = read_memory(path)
    if not lines and not path.exists():
        raise UsageError(f"there is no file {path}", fix=f"`autorec search --llm ... --memory {path}` makes one")
    return [line.remembered() for line in lines], [{"role": line.role} for line in lines]


def _show(
    every: Sequence[Lesson],
    more: Sequence[Mapping[str, str]],
    as_json: bool,
    *,
    nothing: str,
    name: Callable[[str], str] = str,
) -> None:
    from rich.table import Table
    from rich.text import Text

    from autorec.cli.terminal import Screen
    from autorec.domain.text import plain

    numbered = list(enumerate(every, start=1))
    if as_json:
        told = [{**to_json(*each), **extra} for each, extra in zip(numbered, more, strict=True)]
        print(json.dumps({"lessons": told}))
        return
    table = Table.grid(padding=(0, 2, 1, 0))
    for (number, lesson), extra in zip(numbered, more, strict=True):
        lines = [Text(plain(line)) for line in _lines(lesson, extra["role"], name)]
        lines[0].stylize("bold")
        counts = Text(f"held   {lesson.held:>3}\nfailed {lesson.failed:>3}")
        table.add_row(Text(f"L{number}"), counts, Text("\n").join(lines))
    screen = Screen()
    screen.print(table if numbered else Text(plain(nothing)))


def _lines(lesson: Lesson, role: str, name: Callable[[str], str]) -> Iterator[str]:
    yield lesson.sentence
    yield f"{role}; {', '.join(lesson.tags) or 'of nothing in particular'}; by {lesson.model or 'a person'}"
    for what, candidates in (("held for", lesson.supports), ("failed for", lesson.contradicts)):
        if candidates:
            yield f"{what} {', '.join(map(name, candidates))}"
    yield from map(_earlier, lesson.earlier)


def _earlier(tally: Tally) -> str:
    return (
        f"in {tally.run} on {tally.data} ({tally.date}, autorec {tally.version}): "
        f"held {tally.support}, failed {tally.contradiction}"
    )
