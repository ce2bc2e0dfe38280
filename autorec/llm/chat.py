"""One client over any SDK function shaped like `chat.completions.create`."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autorec.domain.errors import ModelError
from autorec.llm.client import TRUNCATED, Completion, Message, RequestRefused
from autorec.llm.endpoint import Endpoint
from autorec.llm.faults import SDK_FAULTS, read_fault, refused_parameter
from autorec.llm.prices import Price, charge
from autorec.llm.retries import Retries, TransientError, press

CHARACTERS_PER_TOKEN = 4
MOST_CHARACTERS = 1 << 20
"""A longer reply is cut: it is kept with the run and goes back to the model when it is refused."""
WRONG_KEY = 401
"""The only answer to a probe that speaks of the calls too: 403 is also said to a key that may call and not list."""

REFUSALS_IN_A_ROW = 3
"""So many requests refused for the same cause, with no answer between, are no longer about one request."""

SUBSTITUTES: Mapping[str, str | None] = {"max_tokens": "max_completion_tokens"}


@dataclass(slots=True, kw_only=True)
class ChatClient:
    """An LLMClient whose SDK call is a function.

    `create(messages=..., timeout=..., **parameters)` returns an object with `choices` and `usage`; `probe` makes a
    call that costs nothing. `refused` remembers the parameters that this model did not take, so that each is
    refused once a run and not once a call; `refusals` the causes of the requests refused since the last answer.
    """

    model: str
    endpoint: Endpoint
    create: Callable[..., Any] = field(repr=False)
    probe: Callable[[], None] = field(repr=False)
    price: Price | None = None
    retries: Retries = field(default_factory=Retries)
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
        """See `LLMClient.complete`."""
        try:
            answer = self._answer(messages, max_tokens, temperature, deadline_s)
        except RequestRefused as refusal:
            raise self._weighed(refusal) from None
        with self._lock:
            self.refusals.clear()
        return answer

    def _weighed(self, refusal: RequestRefused) -> ModelError:
        """One refused request is one lost call; several in a row for the same cause are a lasting fault."""
        with self._lock:
            if self.refusals and self.refusals[-1] != refusal.cause:
                self.refusals.clear()
            self.refusals.append(refusal.cause)
            times = len(self.refusals)
        if times < REFUSALS_IN_A_ROW:
            return refusal
        return ModelError(f"{times} requests in a row: {refusal}", fix=refusal.fix)

    def _answer(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, deadline_s: float
    ) -> Completion:
        started = time.monotonic()
        notes: list[str] = []
        turns = [{"role": message.role, "content": message.content} for message in messages]
        wanted = {"max_tokens": max_tokens, "temperature": temperature}

        def attempt(timeout_s: float) -> tuple[Any, str, str]:
            try:
                return _read(self._send(turns, wanted, timeout_s))
            except TransientError as fault:
                notes.append(f"tried again after: {fault}")
                raise

        response, text, finish = press(attempt, endpoint=self.endpoint, retries=self.retries, deadline_s=deadline_s)
        notes += [_dropped(name, instead) for name, instead in sorted(self.refused.items())]
        prompt_tokens, reply_tokens = _tokens(response, turns, text, notes)
        if len(text) > MOST_CHARACTERS:
            notes.append(f"a reply of {len(text):,} characters was cut after {MOST_CHARACTERS:,}")
            text, finish = text[:MOST_CHARACTERS], TRUNCATED
        text = self.endpoint.hide(text)
        return Completion(
            text=text,
            prompt_tokens=prompt_tokens,
            reply_tokens=reply_tokens,
            usd=charge(self.price, response, prompt_tokens, reply_tokens),
            model=self.model,
            latency_s=time.monotonic() - started,
            finish_reason=finish,
            notes=tuple(notes),
        )

    def _send(self, turns: list[dict[str, str]], wanted: Mapping[str, Any], timeout_s: float) -> Any:
        """One try; a parameter that the model refuses is dropped, or sent under its other name, and remembered."""
        while True:
            sent = self._accepted(wanted)
            try:
                return self.create(messages=turns, timeout=timeout_s, **sent)
            except SDK_FAULTS as error:
                name = refused_parameter(error, sent)
                if name is None:
                    raise read_fault(error, self.endpoint) from None
                self.refused[name] = SUBSTITUTES.get(name)

    def _accepted(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        sent = {}
        for name, value in wanted.items():
            known: str | None = name
            while known is not None and known in self.refused:
                known = self.refused[known]
            if known is not None:
                sent[known] = value
        return sent


def _read(response: Any) -> tuple[Any, str, str]:
    """The response, its text (a refusal in words is one) and finish reason.

    An answer without text is an answer: it is billed. Only one that holds neither choices nor usage is tried again.
    """
    choices = getattr(response, "choices", None)
    if not choices:
        if getattr(response, "usage", None) is None:
            raise TransientError("an answer without choices")
        return response, "", "no choices"
    message, finish = choices[0].message, getattr(choices[0], "finish_reason", None) or "stop"
    text = getattr(message, "content", None) or getattr(message, "refusal", None) or ""
    return response, text.encode(errors="replace").decode(), finish


def _tokens(response: Any, turns: list[dict[str, str]], text: str, notes: list[str]) -> tuple[int, int]:
    usage = getattr(response, "usage", None)
    prompt, reply = getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None)
    if isinstance(prompt, int) and isinstance(reply, int):
        return prompt, reply
    notes.append("usage not reported: tokens estimated from characters")
    asked = sum(len(turn["content"]) for turn in turns)
    return -(-asked // CHARACTERS_PER_TOKEN), -(-len(text) // CHARACTERS_PER_TOKEN)


def _dropped(name: str, instead: str | None) -> str:
    return f"parameter {name} refused by the model: " + (f"sent as {instead}" if instead else "dropped")
