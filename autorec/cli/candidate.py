"""One candidate, part by part, for the terminal and for scripts."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from rich.syntax import Syntax

from autorec.cli.summary import describe, short, stages_of
from autorec.cli.terminal import Screen, say
from autorec.domain.candidate import Candidate
from autorec.domain.state import Record, State
from autorec.domain.text import plain, size
from autorec.ports import Objects


def as_json(record: Record, objects: Objects) -> dict[str, Any]:
    """Everything in one object: record, sources, trainings."""
    content = asdict(record)
    content["files"] = dict(Candidate.from_bytes(objects.get(record.id)).files)
    content["exchanges"] = [json.loads(objects.get(digest)) for digest in record.exchanges]
    return content


def _record(record: Record, objects: Objects, state: State) -> None:
    out = _Lines()
    out.pair("candidate", f"{record.id}  ({short(record)})")
    out.pair("made by", f"{describe(record)}, proposer {record.proposer}")
    out.pair("parents", " ".join(record.parents) or "none")
    out.pair("hypothesis", record.hypothesis or "none stated")
    if record.design:
        out.pair("design", ", ".join(f"{k}={v}" for k, v in record.design.items()))
    for trained in (record.search, *record.finals):
        if trained is None:
            continue
        used = f"{trained.usage.training_s:.1f} s training, {size(trained.usage.memory_bytes)}, tier {trained.tier}"
        out.pair(
            str(trained.stage), f"{trained.outcome}: {trained.reason or 'no remark'} ({used}, seed {trained.seed})"
        )
    for part, metrics in stages_of(record).items():
        for cutoff, values in _by_cutoff(metrics or {}).items():
            out.pair(f"{part} {cutoff}", "  ".join(f"{name} {value:.4f}" for name, value in values.items()))
    for generation in state.generations:
        if record.id in generation.reasons:
            out.pair(f"generation {generation.number}", generation.reasons[record.id])


def _by_cutoff(metrics: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Metrics under "@5", "@10" ..., and those without a cutoff, first, under ""."""
    found: dict[int, dict[str, float]] = {}
    for key, value in metrics.items():
        name, _, cutoff = key.partition("@")
        found.setdefault(int(cutoff or 0), {})[name] = value
    return {f"@{k}" if k else "": found[k] for k in sorted(found)}


def _code(record: Record, objects: Objects, state: State) -> None:
    console = Screen()
    for path, text in Candidate.from_bytes(objects.get(record.id)).files.items():
        lexer = "python" if path.endswith(".py") else "json" if path.endswith(".json") else "text"
        if console.is_terminal:
            console.rule(plain(path))
            console.print(Syntax(plain(text), lexer, background_color="default"))
        else:
            say(f"# ==== {path}\n{text}")


def _exchange(key: str) -> Callable[[Record, Objects, State], None]:
    def view(record: Record, objects: Objects, state: State) -> None:
        if not record.exchanges:
            say(f"{short(record)} was not written by a language model: it has no {key}")
        for digest in record.exchanges:
            say(json.loads(objects.get(digest))[key])

    return view


def _log(record: Record, objects: Objects, state: State) -> None:
    done = record.search
    if done is None or done.log is None:
        say(f"{short(record)} printed nothing" if done else f"{short(record)} has not run yet")
    else:
        say(objects.get(done.log).decode(errors="replace"))


def _curve(record: Record, objects: Objects, state: State) -> None:
    if record.search is None or not record.search.curve:
        say(f"{short(record)} has no validations")
        return
    top = max(point.value for point in record.search.curve)
    best = max((point.value for point in record.search.curve), key=state.task.primary.worth)
    say(f"training s   {state.task.primary.name} on select")
    for point in record.search.curve:
        bar = "█" * round(40 * point.value / top) if top > 0 else ""
        print(f"{point.training_s:10.1f}   {point.value:.4f}  {bar}{' best' if point.value == best else ''}")


class _Lines:
    def __init__(self) -> None:
        self._console = Screen()

    def pair(self, name: str, text: str) -> None:
        self._console.print(f"{name:<14}", style="dim", end="")
        self._console.print(plain(text), soft_wrap=True)


VIEWS: Mapping[str, Callable[[Record, Objects, State], None]] = {
    "record": _record,
    "code": _code,
    "prompt": _exchange("prompt"),
    "reply": _exchange("reply"),
    "log": _log,
    "curve": _curve,
}
