"""One client over any SDK function shaped like `chat.completions.create`."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autorec.domain.errors import ModelError
from autorec.llm.client import TRUNCATED, Completion, Message
from autorec.llm.endpoint import Endpoint
from autorec.llm.faults import KEY_REFUSED, SDK_FAULTS, read_fault, refused_parameter
from autorec.llm.prices import Price, charge
from autorec.llm.retries import Retries, TransientError, press

CHARACTERS_PER_TOKEN = 4
SUBSTITUTES: Mapping[str, str | None] = {"max_tokens": "max_completion_tokens"}


@dataclass(slots=True, kw_only=True)
class ChatClient:
    """An LLMClient whose SDK call is a function.

    `create(messages=..., timeout=..., **parameters)` returns an object with `choices` and `usage`; `probe` makes a
    call that costs nothing. `refused` remembers the parameters that this model did not take, so that each is
    refused once a run and not once a call.
    """

    model: str
    endpoint: Endpoint
    create: Callable[..., Any] = field(repr=False)
    probe: Callable[[], None] = field(repr=False)
    price: Price | None = None
    retries: Retries = field(default_factory=Retries)
    refused: dict[str, str | None] = field(default_factory=dict)

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
            if isinstance(fault, ModelError) and status in KEY_REFUSED:
                raise fault from None

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float, deadline_s: float
    ) -> Completion:
        """See `LLMClient.complete`."""
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
    """The response, its text and finish reason; an answer without text is worth another try unless it was cut."""
    choices = getattr(response, "choices", None)
    if not choices:
        raise TransientError("an answer without choices")
    text = getattr(choices[0].message, "content", None) or ""
    finish = getattr(choices[0], "finish_reason", None) or "stop"
    if not text.strip() and finish != TRUNCATED:
        raise TransientError(f"an empty answer (finish_reason {finish})")
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
