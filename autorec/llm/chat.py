"""One client over any SDK function shaped like `chat.completions.create`."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from autorec.domain.errors import ModelError
from autorec.llm.client import BudgetSpent, Completion, Message, NoAnswer, RequestRefused
from autorec.llm.endpoint import Endpoint
from autorec.llm.faults import SDK_FAULTS, read_fault, refused_parameter
from autorec.llm.gate import Gate
from autorec.llm.hearing import BrokenStream, Hearing, within
from autorec.llm.ledger import Ledger
from autorec.llm.prices import Price, charge
from autorec.llm.retries import Retries, TransientError, press

WRONG_KEY = 401
"""The only answer to a probe that speaks of the calls too: 403 is also said to a key that may call and not list."""

REFUSALS_IN_A_ROW = 3
"""So many requests refused for the same cause, with no answer between, are no longer about one request."""

LEAST = 0.1
"""With less than this share of its deadline left no request is sent: what is generated would be paid and thrown away.
"""

BOUND = "max_completion_tokens"
"""The last name for the bound on the length of a reply, which is never dropped: without it a reply may cost anything.
"""
SUBSTITUTES: Mapping[str, str | None] = {"max_tokens": BOUND}
STREAMED: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
"""Asked for like any other parameter, so that a model which does not take them answers without."""


@dataclass(slots=True, kw_only=True, weakref_slot=True)
class ChatClient:
    """An LLMClient whose SDK call is a function.

    `create(messages=..., timeout=..., **parameters)` returns an object with `choices` and `usage`, or an iterator of
    such pieces; `probe` makes a call that costs nothing. The `ledger` is asked before each try, and told of what each
    cost when it ends, so that broken tries of one call cannot pass a cap unseen. `refused` remembers the parameters
    that this model did not take, so that each is refused once a run and not once a call; `refusals` the causes of the
    requests refused since the last answer.
    """

    model: str
    endpoint: Endpoint
    create: Callable[..., Any] = field(repr=False)
    probe: Callable[[], None] = field(repr=False)
    price: Price | None = None
    retries: Retries = field(default_factory=Retries)
    gate: Gate = field(default_factory=Gate)
    ledger: Ledger = field(default_factory=Ledger)
    refused: dict[str, str | None] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def check(self) -> None:
        """Raises ModelError for a dead address or a refused key; anything else is left to the calls."""
        try:
            self.probe()
        except SDK_FAULTS as error:
            fault = read_fault(error, self.endpoint)
            status = getattr(error, "status_code", None)
            if isinstance(fault, TransientError) and fault.dead:
                raise ModelError(
                    f"nothing answers at {self.endpoint.address}", fix="Start the server, or correct --api-base."
                ) from None
            if isinstance(fault, ModelError) and status == WRONG_KEY:
                raise fault from None

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float, deadline_s: float
    ) -> Completion:
        """See `LLMClient.complete`.

        A fault is lasting only where nothing was paid for on the way: else the next call meets it again, for nothing.
        """
        turns = [{"role": message.role, "content": message.content} for message in messages]
        wanted = {"max_tokens": max_tokens, "temperature": temperature, **STREAMED}
        call = _Call(
            client=self,
            turns=turns,
            wanted=wanted,
            began=self.gate.clock.now(),
            deadline_s=min(deadline_s, self.retries.call_s),
        )
        try:
            answer = call.make()
        except ModelError as error:
            raise self._weighed(error, tuple(call.broken)) from None
        with self._lock:
            self.refusals.clear()
        return answer

    def send(self, turns: list[dict[str, str]], wanted: Mapping[str, Any], left_s: float, hearing: Hearing) -> None:
        """One try; a parameter that the model refuses is dropped, or sent under its other name, and remembered.

        A stream may be silent for so long and no longer; a whole answer is silent until it is there.

        Raises TransientError, ModelError.
        """
        while True:
            sent = self._accepted(wanted)
            timeout_s = min(self.retries.silence_s, left_s) if "stream" in sent else left_s
            try:
                answer = self.create(messages=turns, timeout=timeout_s, **sent)
                whole = "stream" not in sent or hasattr(answer, "choices")
                return hearing.hear_whole(answer) if whole else hearing.hear_stream(answer)
            except BrokenStream:
                self.refused["stream"] = None
                raise
            except SDK_FAULTS as error:
                name = refused_parameter(error, sent)
                if name is None or name == BOUND:
                    raise read_fault(error, self.endpoint) from None
                self.refused[name] = SUBSTITUTES.get(name)

    def _weighed(self, fault: ModelError, broken: tuple[Completion, ...]) -> ModelError:
        """The fault of a call, with what was paid for on the way."""
        weighed = self._counted(fault) if isinstance(fault, RequestRefused) else fault
        kind = BudgetSpent if isinstance(fault, BudgetSpent) else NoAnswer
        return kind(str(weighed), fix=weighed.fix, broken=broken) if broken else weighed

    def _counted(self, refusal: RequestRefused) -> ModelError:
        """One refused request is one lost call; several in a row for the same cause are a lasting fault."""
        with self._lock:
            if self.refusals and self.refusals[-1] != refusal.cause:
                self.refusals.clear()
            self.refusals.append(refusal.cause)
            times = len(self.refusals)
        if times < REFUSALS_IN_A_ROW:
            return refusal
        return ModelError(f"{times} requests in a row: {refusal}", fix=refusal.fix)

    def _accepted(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        sent = {}
        for name, value in wanted.items():
            known: str | None = name
            while known is not None and known in self.refused:
                known = self.refused[known]
            if known is not None:
                sent[known] = value
        if "stream" not in sent:
            sent.pop("stream_options", None)
        return sent


@dataclass(slots=True, kw_only=True)
class _Call:
    """One call under way: what is asked, and the tries that broke off in the middle of their text."""

    client: ChatClient
    turns: list[dict[str, str]]
    wanted: Mapping[str, Any]
    began: float
    deadline_s: float
    broken: list[Completion] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def make(self) -> Completion:
        """Raises NoAnswer, ModelError."""
        client = self.client
        heard = press(
            self._attempt,
            endpoint=client.endpoint,
            retries=client.retries,
            deadline_s=self.deadline_s,
            clock=client.gate.clock,
        )
        heard.cut()
        dropped = [_dropped(name, instead) for name, instead in sorted(client.refused.items())]
        answer = self._completion(heard, heard.finish, whole=True)
        client.ledger.record(answer)
        return replace(answer, notes=(*self.notes, *dropped, *answer.notes), broken=tuple(self.broken))

    def _attempt(self, left_s: float) -> Hearing:
        client, hearing = self.client, Hearing()
        began = client.gate.clock.now()
        try:
            with client.gate.passing(left_s):
                client.ledger.admit()
                left_s -= client.gate.clock.now() - began
                if left_s < LEAST * self.deadline_s:
                    raise self._too_late(left_s)
                send = partial(client.send, self.turns, self.wanted, left_s, hearing)
                within(left_s, send, hearing.leave)
        except (TransientError, ModelError) as fault:
            self._book(hearing, str(fault))
            self.notes.append(f"tried again after: {fault}")
            raise
        return hearing

    def _too_late(self, left_s: float) -> NoAnswer:
        before = f" ({self.notes[-1]})" if self.notes else ""
        return NoAnswer(
            f"{self.client.model}: not sent: its turn came with {max(0.0, left_s):.1f} of {self.deadline_s:g} s left"
            + before,
            fix="Raise llm_deadline, or llm_at_once and llm_requests_per_minute.",
        )

    def _book(self, hearing: Hearing, why: str) -> None:
        """What had come of a try that broke off is billed, and kept."""
        if hearing.begun:
            hearing.cut()
            partly = self._completion(hearing, "broken off", whole=False)
            self.client.ledger.record(partly)
            self.broken.append(replace(partly, notes=(f"broken off: {why}", *partly.notes)))

    def _completion(self, heard: Hearing, finish: str, *, whole: bool) -> Completion:
        client = self.client
        prompt, reply = heard.tokens(sum(len(turn["content"]) for turn in self.turns), whole=whole)
        usd = charge(client.price, heard.usage, heard.hidden, prompt, reply)
        if usd is not None and client.price is not None and not whole:  # the provider's figure may be of the beginning
            usd = max(usd, client.price.usd(prompt, reply))
        return Completion(
            text=client.endpoint.hide(heard.text),
            prompt_tokens=prompt,
            reply_tokens=reply,
            usd=usd,
            model=client.model,
            latency_s=client.gate.clock.now() - self.began,
            finish_reason=finish,
            notes=tuple(heard.notes),
        )


def _dropped(name: str, instead: str | None) -> str:
    return f"parameter {name} refused by the model: " + (f"sent as {instead}" if instead else "dropped")
