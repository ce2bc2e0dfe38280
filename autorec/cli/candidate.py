"""One candidate, part by part, for the terminal and for scripts."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

from autorec.cli.diagnosis import show_diagnosis
from autorec.cli.summary import describe, short, stages_of
from autorec.cli.terminal import Screen, say
from autorec.domain.candidate import Candidate
from autorec.domain.state import Record
from autorec.domain.text import plain, size
from autorec.exporting.folder import new_folder
from autorec.ports import Objects
from autorec.schemas.flags import data_flags
from autorec.wiring import stored_config
from autorec.wiring.reader import RunReader


def as_json(record: Record, objects: Objects) -> dict[str, Any]:
    """Everything in one object: record, sources, trainings."""
    content = asdict(record)
    content["files"] = dict(Candidate.from_bytes(objects.get(record.id)).files)
    content["exchanges"] = [json.loads(objects.get(digest)) for digest in record.exchanges]
    return content


def write_code(record: Record, reader: RunReader, folder: Path) -> None:
    """The sources in a new folder, and what it is good for.

    Raises UsageError where the folder holds something, StoreError.
    """
    with new_folder(folder) as made:
        for path, text in reader.files(record.id).items():
            target = made / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
    flags = data_flags(stored_config(reader.folder)[0].model_dump(mode="json"))
    say(f"""{folder}: the code of {short(record)}

Next
  autorec evaluate {quote(str(folder))}{flags}
  autorec search{flags} --seed-code {quote(str(folder))}""")


def _record(record: Record, reader: RunReader) -> None:
    out, state = _Lines(), reader.state
    out.pair("candidate", f"{record.id}  ({short(record)})")
    out.pair("made by", f"{describe(record)}, proposer {record.proposer}")
    if record.model:
        out.pair("model", record.model)
    if record.why:
        out.pair("asked because", record.why)
    out.pair("parents", " ".join(record.parents) or "none")
    out.pair("hypothesis", record.hypothesis or "none stated")
    if record.design:
        out.pair("design", ", ".join(f"{k}={v}" for k, v in record.design.items()))
    if waiting := state.not_trained(record, reader.at_work):
        out.pair("search", f"not trained: {waiting}")
    for trained in (record.search, *record.finals):
        if trained is None:
            continue
        if record.refused:
            out.pair("search", f"refused: {trained.reason}")
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
    if record.search is not None and record.search.diagnosis is not None:
        show_diagnosis(Screen(), record.search.diagnosis, lambda other: short(state.records[other]))


def _by_cutoff(metrics: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Metrics under "@5", "@10" ..., and those without a cutoff, first, under ""."""
    found: dict[int, dict[str, float]] = {}
    for key, value in metrics.items():
        name, _, cutoff = key.partition("@")
        found.setdefault(int(cutoff or 0), {})[name] = value
    return {f"@{k}" if k else "": found[k] for k in sorted(found)}


def _code(record: Record, reader: RunReader) -> None:
    console = Screen()
    for path, text in reader.files(record.id).items():
        lexer = "python" if path.endswith(".py") else "json" if path.endswith(".json") else "text"
        if console.is_terminal:
            console.rule(plain(path))
            console.code(text, lexer)
        else:
            say(f"# ==== {path}\n{text}")


def _exchange(key: str) -> Callable[[Record, RunReader], None]:
    def view(record: Record, reader: RunReader) -> None:
        if not record.exchanges:
            say(f"{short(record)} was not written by a language model: it has no {key}")
        for digest in record.exchanges:
            say(json.loads(reader.objects.get(digest))[key])

    return view


def _log(record: Record, reader: RunReader) -> None:
    done = record.search
    if done is None or done.log is None:
        _say_none(record, reader, "printed nothing")
    else:
        say(reader.objects.get(done.log).decode(errors="replace"))


def _curve(record: Record, reader: RunReader) -> None:
    if record.search is None or not record.search.curve:
        _say_none(record, reader, "has no validations")
        return
    primary = reader.state.task.primary
    top = max(point.value for point in record.search.curve)
    best = max((point.value for point in record.search.curve), key=primary.worth)
    say(f"training s   {primary.name} on select")
    for point in record.search.curve:
        bar = "█" * round(40 * point.value / top) if top > 0 else ""
        print(f"{point.training_s:10.1f}   {point.value:.4f}  {bar}{' best' if point.value == best else ''}")


def _say_none(record: Record, reader: RunReader, trained_but: str) -> None:
    untrained = reader.state.not_trained(record, reader.at_work)
    say(f"{short(record)} {f'was not trained: {untrained}' if untrained else trained_but}")


class _Lines:
    def __init__(self) -> None:
        self._console = Screen()

    def pair(self, name: str, text: str) -> None:
        self._console.pair(name, text, indent=14)


VIEWS: Mapping[str, Callable[[Record, RunReader], None]] = {
    "record": _record,
    "code": _code,
    "prompt": _exchange("prompt"),
    "reply": _exchange("reply"),
    "log": _log,
    "curve": _curve,
}
