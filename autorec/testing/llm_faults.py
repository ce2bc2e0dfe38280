"""Every way in which we know a model's server to go wrong, and what the client must make of it.

    python -m autorec.testing.llm_faults

tries each of them against a scripted server on loopback, and prints the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from autorec.domain.errors import ModelError
from autorec.llm.client import Completion, Message, NoAnswer, RequestRefused
from autorec.testing.llm_script import Entry, Fault, Said, Script, refusing

MODEL = "openai/scripted"
KEY = "sk-canary-0123456789"
HOUR_S = 3600.0
SHORT_S = 0.4
"""The longest silence where one is part of the case: long enough for a busy machine to answer in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault and what must come of it.

    `calls` are made one after the other; the last one answers with `text`, or fails as `fails` (ModelError itself:
    lastingly). `requests` reach the server, `broken` tries are billed without being the answer, `waits` are the bounds
    of all seconds waited, `says` stands in the notes of the answer, or in the error and its fix; `dead`: no server.
    """

    name: str
    script: Script
    text: str | None = None
    fails: type[ModelError] | None = None
    requests: int = 1
    broken: int = 0
    says: tuple[str, ...] = ()
    waits: tuple[float, float] = (0.0, HOUR_S)
    calls: int = 1
    finish: str = "stop"
    deadline_s: float = 600.0
    silence_s: float = 60.0
    dead: bool = False

    @property
    def must(self) -> str:
        """What must happen, in words."""
        kinds = {
            NoAnswer: "this call is lost",
            RequestRefused: "this request is refused",
            ModelError: "the model is out",
        }
        end = f"answers {self.text[:20]!r}" if self.text is not None else kinds.get(self.fails or ModelError, "")
        end += f", finish {self.finish}" if self.text is not None and self.finish != "stop" else ""
        parts = [f"{self.requests} request{'s' * (self.requests != 1)}", end]
        parts += [f"{self.broken} broken off and billed"] if self.broken else []
        parts += [f"waits {self.waits[0]:g} to {self.waits[1]:g} s"] if self.waits != (0.0, HOUR_S) else []
        return "; ".join([*parts, *(f"says {said!r}" for said in self.says)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of a case."""

    requests: int
    waited_s: float
    answer: Completion | None = None
    error: ModelError | None = None

    @property
    def said(self) -> str:
        if self.answer is not None:
            return "\n".join(self.answer.notes)
        return f"{self.error} {self.error.fix}" if self.error is not None else ""

    @property
    def broken(self) -> tuple[Completion, ...]:
        if self.answer is not None:
            return self.answer.broken
        return self.error.broken if isinstance(self.error, NoAnswer) else ()


def try_case(case: Case) -> Tried:
    """Make the calls of a case. OPENAI_API_KEY should be `KEY` while it runs."""
    from autorec.llm.gate import Gate
    from autorec.llm.open import open_client
    from autorec.llm.retries import Retries
    from autorec.testing.clock import FakeClock
    from autorec.testing.llm_server import ScriptedServer

    time = FakeClock()
    with ScriptedServer(case.script) as server:
        base = "http://127.0.0.1:9/v1" if case.dead else server.base
        retries = Retries(attempts=3, first_s=1.0, silence_s=case.silence_s)
        client = open_client(MODEL, api_base=base, retries=retries, gate=Gate(clock=time.clock))
        answer: Completion | None = None
        error: ModelError | None = None
        for _ in range(case.calls):
            answer, error = None, None
            try:
                answer = client.complete(
                    [Message(role="user", content="hello")], max_tokens=100, temperature=0.5, deadline_s=case.deadline_s
                )
            except ModelError as failure:
                error = failure.with_traceback(None)
    return Tried(requests=len(server.requests), waited_s=sum(time.slept), answer=answer, error=error)


def differences(case: Case, tried: Tried) -> list[str]:
    """In what a case did not end as it must; nothing where it did."""
    found = {
        "requests": (case.requests, tried.requests),
        "text": (case.text, tried.answer.text if tried.answer else None),
        "failure": (case.fails, type(tried.error) if tried.error else None),
        "broken": (case.broken, len(tried.broken)),
        "finish": (case.finish, tried.answer.finish_reason if tried.answer else case.finish),
    }
    wrong = [f"{what}: expected {must}, came {came}" for what, (must, came) in found.items() if must != came]
    wrong += [f"does not say {said!r}: {tried.said}" for said in case.says if said not in tried.said]
    if not case.waits[0] <= tried.waited_s <= case.waits[1]:
        wrong.append(f"waited {tried.waited_s:.1f} s")
    if KEY in tried.said + (tried.answer.text if tried.answer else ""):
        wrong.append("the key is shown")
    return wrong


def _again(name: str, fault: Fault, **more: Any) -> Case:
    """A fault that passes: twice, then the answer."""
    return Case(name=f"{name}, twice", script=[fault, fault, "hi"], **{"text": "hi", "requests": 3, **more})


def _after(text: str, name: str, fault: Fault, **more: Any) -> Case:
    """A stream that begins well and breaks off once: what had come is billed."""
    told = {"text": "hi", "requests": 2, "broken": 1, "says": ("tried again after",), **more}
    return Case(name=f"a stream: {text!r}, then {name}", script=[fault, "hi"], **told)


def _asked(retry_after: str) -> list[Entry]:
    return [Fault(status=429, headers={"Retry-After": retry_after}), "hi"]


def _later(seconds: float) -> Script:
    """A server that asks to be left alone until a date, and then answers."""
    return [lambda request: _until(seconds), "hi"]


def _until(seconds: float) -> Fault:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return Fault(status=503, headers={"Retry-After": format_datetime(moment, usegmt=True)})


def _lasting(name: str, fault: Fault, *says: str) -> Case:
    return Case(name=name, script=[fault], fails=ModelError, says=says, waits=(0.0, 0.0))


def _refused(name: str, fault: Fault, *says: str, **more: Any) -> Case:
    return Case(name=name, script=[fault], **{"fails": RequestRefused, "says": says, "waits": (0.0, 0.0), **more})


KEY_FIX = "Set OPENAI_API_KEY"
HALF = "half a rep"
QUOTA = "insufficient_quota"
TOO_LARGE = "max_tokens is too large: 100. This model supports at most 50 completion tokens"
MANY_WORDS = "property 'stream_options' is unsupported, did you mean 'stream'?"

PASSING: Sequence[Case] = (
    *(_again(f"status {s}", Fault(status=s), says=(f"status {s}",)) for s in (408, 409, 429, 500, 502, 503, 504, 529)),
    _again("the connection is reset", Fault(reset=True), says=("the connection to",)),
    _again("a body that is no JSON", Fault(not_json=True)),
    _again("an answer without choices or usage", Fault(no_choices=True), says=("an answer without choices",)),
    _again("nothing comes", Fault(stall=True), says=("no answer in time",), silence_s=SHORT_S),
    Case(name="status 500 without end", script=[Fault(status=500)], fails=NoAnswer, requests=3, says=("in 3 tries",),
         waits=(0.0, 6.0)),
    Case(name="silence without end", script=[Fault(stall=True)], fails=NoAnswer, requests=3,
         says=("no answer in time",), silence_s=0.1),
    Case(name="nobody listens", script=["hi"], fails=NoAnswer, requests=0, dead=True, says=("the connection to",)),
)  # fmt: skip

WAITS: Sequence[Case] = (
    Case(name="Retry-After: 7", script=_asked("7"), text="hi", requests=2, waits=(7.0, 8.0)),
    Case(name="Retry-After: 0.5", script=_asked("0.5"), text="hi", requests=2, waits=(0.5, 1.5)),
    Case(name="Retry-After: a date in 20 s", script=_later(20), text="hi", requests=2, waits=(17.0, 21.0)),
    Case(name="Retry-After: a date of yesterday", script=_later(-86400), text="hi", requests=2, waits=(0.0, 1.0)),
    Case(name="Retry-After: soon", script=_asked("soon"), text="hi", requests=2, waits=(0.0, 1.0)),
    Case(name="Retry-After: -5", script=_asked("-5"), text="hi", requests=2, waits=(0.0, 1.0)),
    Case(name="Retry-After: nan", script=_asked("nan"), text="hi", requests=2, waits=(0.0, 1.0)),
    Case(name="Retry-After: inf", script=_asked("inf"), fails=NoAnswer, waits=(0.0, 0.0), says=("in 1 tries",)),
    Case(name="Retry-After: an hour, with a deadline of 5 s", script=_asked("3600"), fails=NoAnswer, deadline_s=5.0,
         waits=(0.0, 0.0), says=("in 1 tries",)),
)  # fmt: skip

STREAMS: Sequence[Case] = (
    _after(HALF, "the connection is reset", Fault(after=HALF, reset=True)),
    _after(HALF, "it is closed in the middle", Fault(after=HALF, cut=True)),
    _after(HALF, "nothing more", Fault(after=HALF, stall=True), says=("no answer in time",), silence_s=SHORT_S),
    _after(HALF, "an error without a status", Fault(after=HALF, status=500, code="server_error")),
    _after(HALF, "an error with status 429", Fault(after=HALF, status=429, code=429), says=("status 429",)),
    _after(HALF, "a piece that is no JSON", Fault(after=HALF, not_json=True)),
    _after(HALF, "an end without a finish reason", Fault(after=HALF, ends=True), says=("parameter stream", "dropped")),
    Case(name=f"a stream: {HALF!r}, then the account is empty", fails=NoAnswer, broken=1, says=("no credit left",),
         script=[Fault(after=HALF, status=429, code=QUOTA)]),
    Case(name="a stream of comments without end", script=[Fault(drip=True)], fails=NoAnswer, deadline_s=0.4,
         says=("no answer in time",)),
    Case(name="a stream of single letters without end", script=[Fault(trickle=True)], fails=NoAnswer, deadline_s=0.4,
         broken=1, says=("no answer in time",)),
    Case(name="an answer in one piece to who asked for a stream", script=[Said(text="hi", streams=False)], text="hi"),
)  # fmt: skip

LASTING: Sequence[Case] = (
    _lasting("status 401", Fault(status=401), "refused the key in OPENAI_API_KEY", KEY_FIX),
    _lasting("status 403", Fault(status=403), "refused the key in OPENAI_API_KEY", KEY_FIX),
    _lasting("status 404", Fault(status=404), "is not there", "--llm provider/model"),
    _lasting("status 402", Fault(status=402), "no credit left", "Top up the account of OPENAI_API_KEY"),
    _lasting("status 429, insufficient_quota", Fault(status=429, code=QUOTA), "no credit left", "Top up"),
    _lasting("status 401, and the key repeated", Fault(status=401, message=f"no such key: {KEY}"), "[key]"),
)

REFUSED: Sequence[Case] = (
    _refused("status 400", Fault(status=400), "status 400"),
    _refused("status 413", Fault(status=413), "status 413"),
    _refused("status 422", Fault(status=422), "status 422"),
    _refused("a prompt too long", Fault(status=400, code="context_length_exceeded"), "context_length_exceeded",
             "llm_max_tokens"),
    _refused("status 400 in three calls", Fault(status=400), "3 requests in a row", calls=3, requests=3,
             fails=ModelError),
    _refused("a content filter, in four calls", Fault(status=400, code="content_filter"), "a content filter", calls=4,
             requests=4, fails=NoAnswer),
)  # fmt: skip

PARAMETERS: Sequence[Case] = (
    Case(name="temperature is not taken", script=refusing("temperature", then="hi"), text="hi", requests=2,
         says=("parameter temperature refused by the model: dropped",)),
    Case(name="max_tokens is not taken", script=refusing("max_tokens", then="hi"), text="hi", requests=2,
         says=("parameter max_tokens refused by the model: sent as max_completion_tokens",)),
    Case(name="max_tokens under neither name: no reply without a bound", fails=RequestRefused, requests=2,
         says=("refused the request", "llm_max_tokens"),
         script=refusing("max_tokens", "max_completion_tokens", then="hi")),
    Case(name="max_tokens is too large, in two calls: it stays the bound", fails=RequestRefused, requests=2, calls=2,
         says=(TOO_LARGE, "llm_max_tokens"), script=[Fault(status=400, param="max_tokens", message=TOO_LARGE)]),
    Case(name="the context is too short, says a server that names max_tokens", fails=RequestRefused,
         says=("maximum context length",),
         script=[Fault(status=400, message="maximum context length is 8192 tokens; reduce max_tokens")]),
    Case(name="stream_options is not taken", script=refusing("stream_options", then="hi"), text="hi", requests=2,
         says=("parameter stream_options refused", "usage not reported")),
    Case(name="stream_options is not taken, says a server in many words", text="hi", requests=2,
         says=("parameter stream_options refused",), script=[Fault(status=400, message=MANY_WORDS), "hi"]),
    Case(name="a refusal that speaks of the upstream", script=[Fault(status=400, message="upstream is not well")],
         fails=RequestRefused),
    Case(name="stream is not taken", script=refusing("stream", then="hi"), text="hi", requests=2,
         says=("parameter stream refused by the model: dropped",)),
    Case(name="nothing is taken but the bound", text="hi", requests=5,
         script=refusing("temperature", "max_tokens", "stream_options", "stream", then="hi")),
    Case(name="temperature is not taken, in two calls", script=refusing("temperature", then="hi"), text="hi", calls=2,
         requests=3, says=("parameter temperature refused by the model: dropped",)),
)  # fmt: skip

ANSWERS: Sequence[Case] = (
    Case(name="an empty answer", script=[Said(text="")], text=""),
    Case(name="an answer that a filter emptied", script=[Said(text="", finish="content_filter")], text="",
         finish="content_filter"),
    Case(name="an answer cut at its length", script=[Said(text=HALF, finish="length")], text=HALF, finish="length"),
    Case(name="all tokens went into reasoning", script=[Said(text="", thought="hm " * 50, finish="length")], text="",
         finish="length"),
    Case(name="a refusal in words", script=[Said(text="", refusal="I will not.")], text="I will not."),
    Case(name="usage is not reported", script=[Said(text="hi", usage=False)], text="hi", says=("usage not reported",)),
    Case(name="no choices, and billed", script=[Fault(no_choices=True, billed=True)], text="",
         finish="no choices"),
    Case(name="half a surrogate pair", script=["a\ud800b"], text="a?b"),
    Case(name="an answer that repeats the key", script=[f"your key is {KEY}"], text="your key is [key]"),
)  # fmt: skip

CASES: Sequence[Case] = (*PASSING, *WAITS, *STREAMS, *LASTING, *REFUSED, *PARAMETERS, *ANSWERS)


@dataclass(slots=True)
class _Table:
    failed: int = 0
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, case: Case) -> None:
        wrong = differences(case, try_case(case))
        self.failed += bool(wrong)
        self.rows.append((case.name, case.must, "; ".join(wrong) or "ok"))


def main() -> int:
    """Try every case and print the table; the exit status is 1 where one does not end as it must."""
    import os

    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    os.environ["OPENAI_API_KEY"] = KEY
    table = _Table()
    shown = Table(box=box.SIMPLE_HEAD, title=f"{len(CASES)} faults of a model's server", title_justify="left")
    for name in ("fault", "what must happen", "here"):
        shown.add_column(name, overflow="fold")
    for case in CASES:
        table.add(case)
    for row in table.rows:
        shown.add_row(*map(escape, row))
    Console().print(shown)
    return int(table.failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
