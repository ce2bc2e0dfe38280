"""A recording as a folder that people can read and anyone can play: the calls as text, one event a line, sources.

README.md        what it is, and how it is played
cassette.json    the calls in order: parameters, figures, and the files of their texts
calls/           for each call what was asked and what came back
events.jsonl     what happened, an event a line; the first one holds the configuration
objects/         sources of candidates, logs, values by unit; neither weights nor predictions nor rows of the data
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from pydantic import ValidationError

from autorec.domain.candidate import Exchange
from autorec.domain.errors import ReplayError, RunError
from autorec.domain.events import Admitted, Asked, Event, RunEnded, RunStarted
from autorec.domain.recording import Recording, calls_of, objects_of
from autorec.exporting.beneath import read_beneath
from autorec.ports import Objects
from autorec.schemas.cassette import Call, Index
from autorec.schemas.events import decode, encode, kind_of
from autorec.schemas.model_names import shown

INDEX, EVENTS, OBJECTS = "cassette.json", "events.jsonl", "objects"
PATHS = ("data", "user_features", "item_features", "prompts", "search_space", "memory", "run")
"""Keys of the configuration that say where something lay: of these only the name is kept."""


def write_cassette(folder: Path, recording: Recording, source: Objects, target: Objects) -> int:
    """Write the recording into an empty folder, its objects from `source` to `target`; returns the number of calls."""
    (folder / "calls").mkdir()
    calls = tuple(_write_calls(folder, recording))
    _write_text(folder / EVENTS, "".join(f"{_line(event)}\n" for event in map(_without_paths, recording.events)))
    index = Index(autorec=recording.started.version, calls=calls)
    _write_text(folder / INDEX, index.model_dump_json(indent=1) + "\n")
    _write_text(folder / "README.md", _readme(recording, calls))
    for digest in dict.fromkeys(digest for event in recording.events for digest in objects_of(event)):
        target.put(source.get(digest))
    return len(calls)


def read_cassette(folder: Path) -> Recording:
    """The recording in a folder.

    Raises ReplayError where it is none, is of another version, or was changed since.
    """
    try:
        index = Index.model_validate_json(_read(folder, INDEX))
        lines = [json.loads(line) for line in _read(folder, EVENTS).splitlines()]
        events = tuple(decode(line["kind"], json.dumps(line["content"])) for line in lines)
    except (ValidationError, RunError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReplayError(
            f"{folder} cannot be read as a recording: {error}", fix="play it with the version of autorec that made it"
        ) from None
    exchanges = {call.exchange: _exchange(folder, call) for call in index.calls}
    missing = {digest for event in events for digest in calls_of(event)} - set(exchanges)
    if missing or not events or not isinstance(events[0], RunStarted) or not isinstance(events[-1], RunEnded):
        raise ReplayError(f"{folder} is no whole recording: calls or events are missing", fix="extract it again")
    return Recording(events=events, exchanges=exchanges)


def _write_calls(folder: Path, recording: Recording) -> Iterator[Call]:
    operators = {event.number: event.plan.operator for event in recording.events if isinstance(event, Asked)}
    number = 0
    for event in recording.events:
        for digest, exchange in zip(calls_of(event), recording.calls(event), strict=True):
            number += 1
            ask = getattr(event, "ask", None) or 0
            name = f"calls/{number:04}-{operators.get(ask, 'other')}"
            answered = bool(exchange.finish_reason)
            call = _call(digest, exchange, ask, str(operators.get(ask, "other")), name, answered)
            _write_text(folder / call.prompt_file, exchange.prompt)
            if call.reply_file:
                _write_text(folder / call.reply_file, exchange.reply)
            yield call


def _call(digest: str, exchange: Exchange, ask: int, operator: str, name: str, answered: bool) -> Call:
    return Call(
        ask=ask,
        operator=operator,
        exchange=digest,
        request=exchange.request,
        model=exchange.model,
        max_tokens=exchange.max_tokens,
        temperature=exchange.temperature,
        prompt_tokens=exchange.prompt_tokens,
        reply_tokens=exchange.reply_tokens,
        usd=exchange.usd,
        latency_s=exchange.latency_s,
        finish_reason=exchange.finish_reason,
        broken=exchange.broken,
        notes=exchange.notes,
        prompt_file=f"{name}.request.md",
        reply_file=f"{name}.reply.md" if answered else None,
    )


def _exchange(folder: Path, call: Call) -> Exchange:
    reply = _read(folder, call.reply_file) if call.reply_file else ""
    exchange = call.with_texts(_read(folder, call.prompt_file), reply)
    if hashlib.sha256(exchange.to_bytes()).hexdigest() != call.exchange:
        raise ReplayError(
            f"{folder}: {call.prompt_file} or its reply is not what was recorded: the text, or its line ends, changed",
            fix="put the file back as it was (git may have changed line ends: mark the folder as -text), "
            "or extract the recording again",
        )
    return exchange


def _line(event: Event) -> str:
    return f'{{"kind": {json.dumps(kind_of(event))}, "content": {encode(event)}}}'


def _without_paths(event: Event) -> Event:
    return replace(event, config=_named(event.config)) if isinstance(event, RunStarted) else event


def _named(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without the folders of the machine that it was made on."""
    named = {key: PurePath(value).name if key in PATHS and value else value for key, value in config.items()}
    named["seed_code"] = [PurePath(folder).name for folder in config.get("seed_code") or ()]
    for key in ("llm", "llm_fallback"):
        named[key] = [shown(model) for model in config.get(key) or ()]
    own = dict(config.get("own") or {})
    for kind in ("prompts", "builtin_prompts", "search_space"):
        if own.get(kind):
            own[kind] = {**own[kind], "folder": PurePath(own[kind]["folder"]).name}
    return {**named, "own": own} if "own" in config else named


def _readme(recording: Recording, calls: tuple[Call, ...]) -> str:
    models = ", ".join(f"`{model}`" for model in dict.fromkeys(call.model for call in calls)) or "no language model"
    admitted = sum(isinstance(event, Admitted) and event.ask is not None for event in recording.events)
    task = recording.started.task
    retrain = f"--retrain{' --data PATH' if recording.started.config.get('data') else ''}"
    return f"""# A recorded search

Role {task.role}, data {task.data_name} (digest {task.data_digest[:12]}), made by autorec {recording.started.version}.
{admitted} candidates; {len(calls)} calls of {models}.

It can be played again without a key, network, cost or training; the data are not needed:

    autorec search --llm replay:DIR

with DIR this folder. `{retrain}` trains the same candidates again and says where the figures part.

`calls/` holds what was asked and answered, in the order in which the answers came, `cassette.json` the figures of each
call, `events.jsonl` all that happened.
"""


def _read(folder: Path, name: str) -> str:
    """The text exactly as it was written: no line end is translated."""
    try:
        return read_beneath(folder, name).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ReplayError(
            f"{folder} holds no recording that can be played: {name}: {reason}",
            fix="`autorec cassette RUN DIR` extracts one from a run",
        ) from None


def _write_text(file: Path, text: str) -> None:
    file.write_bytes(text.encode())
