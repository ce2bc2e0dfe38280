"""What a scripted model says, and every way in which its server goes wrong; and how that looks on the wire."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CHARACTERS_PER_TOKEN = 4
PIECES = 8
"""A streamed reply comes in about so many pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A reply with particulars.

    `finish` is the finish reason (None: none is given), `cost` what the provider says it charged (dollars), `refusal`
    a refusal in words, `thought` reasoning beside the text; `streams` is False for a server that answers in one piece
    whatever it is asked.
    """

    text: str
    finish: str | None = "stop"
    usage: bool = True
    cost: float | None = None
    refusal: str | None = None
    thought: str = ""
    streams: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong: an HTTP status with a message, or one of the ways below. `after` is streamed before it happens,
    where the client asked for a stream; a status then comes as an event of the stream.

    `early`: a piece then says that one token was used. `reset`: the connection breaks; `cut`: it is closed in the
    middle; `ends`: the stream ends as if all were said;
    `stall`: nothing comes until the server closes; `drip`: comments come, for ever; `trickle`: one letter after
    another, for ever; `not_json`: a body that is no JSON; `no_choices`: an answer without any, with its usage where it
    is `billed`.
    """

    status: int = 200
    message: str = "scripted fault"
    code: str | int | None = None
    param: str | None = None
    retry_after_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after: str = ""
    early: bool = False
    reset: bool = False
    cut: bool = False
    ends: bool = False
    stall: bool = False
    drip: bool = False
    trickle: bool = False
    not_json: bool = False
    no_choices: bool = False
    billed: bool = False

    @property
    def in_stream(self) -> bool:
        """Whether an answer begins before it happens."""
        return bool(self.after or self.cut or self.ends or self.drip or self.trickle)


Entry = str | Said | Fault
Answerer = Callable[[dict[str, Any]], Entry]
Script = Sequence[Entry | Answerer] | Answerer


def refusing(*parameters: str, then: Entry) -> Answerer:
    """A script of a server that takes none of these parameters and says so."""

    def script(request: dict[str, Any]) -> Entry:
        name = next((each for each in parameters if each in request), None)
        return then if name is None else Fault(status=400, param=name, message=f"Unsupported parameter: '{name}'")

    return script


def completion(request: Mapping[str, Any], said: Said) -> dict[str, Any]:
    """The body of a chat completion, as OpenAI's API gives it."""
    message = {"role": "assistant", "content": said.text, "refusal": said.refusal}
    return {
        **_head(request, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": said.finish}],
        **({"usage": _usage(request, said)} if said.usage else {}),
    }


def stream(request: Mapping[str, Any], said: Said) -> Iterator[bytes]:
    """The events of a streamed completion; usage comes last, and where it was asked for."""
    yield piece(request, {"role": "assistant", "content": ""})
    if said.thought:
        yield piece(request, {"reasoning_content": said.thought})
    for text in _pieces(said.text):
        yield piece(request, {"content": text})
    if said.refusal is not None:
        yield piece(request, {"refusal": said.refusal})
    yield piece(request, {}, said.finish)
    asked = (request.get("stream_options") or {}).get("include_usage")
    if said.usage and asked:
        yield event({**_head(request, "chat.completion.chunk"), "choices": [], "usage": _usage(request, said)})
    yield b"data: [DONE]\n\n"


def piece(request: Mapping[str, Any], delta: Mapping[str, Any], finish: str | None = None) -> bytes:
    """One event with a part of the message."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({**_head(request, "chat.completion.chunk"), "choices": [choice]})


def event(body: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def error(fault: Fault) -> dict[str, Any]:
    """The body of a refusal."""
    return {"error": {"message": fault.message, "type": "scripted", "code": fault.code, "param": fault.param}}


def _head(request: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-scripted", "object": kind, "created": 0, "model": request.get("model", "scripted")}


def _usage(request: Mapping[str, Any], said: Said) -> dict[str, Any]:
    asked = sum(len(str(message["content"])) for message in request["messages"])
    prompt, reply = _tokens(asked), _tokens(len(said.text) + len(said.thought))
    cost = {} if said.cost is None else {"cost": said.cost}
    return {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply, **cost}


def _tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)


def _pieces(text: str) -> Iterator[str]:
    size = max(1, -(-len(text) // PIECES))
    for start in range(0, len(text), size):
        yield text[start : start + size]
