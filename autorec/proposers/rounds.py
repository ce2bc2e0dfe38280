"""A question to a language model, one round more where the reply cannot be used, and the record of every call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from autorec.domain.candidate import Declined, Exchange
from autorec.domain.errors import ModelError
from autorec.llm.client import Completion, LLMClient, NoAnswer
from autorec.llm.request import Request
from autorec.prompting.budget import TooLongError
from autorec.proposers.llm_messages import Conversation

ROUNDS = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Generic[T]):
    """What a reply gives, and all that is wrong with it; it is of use where nothing is.

    `duplicate_of`: the known candidate that it repeats, where that is what is wrong.
    """

    reply: T | None = None
    faults: Sequence[str] = ()
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Used(Generic[T]):
    """A reply that is of use, and the calls that led to it."""

    reply: T
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Asks one of the models, `clients` by name. `deadline_s` and `max_tokens` bound one call."""

    clients: Mapping[str, LLMClient]
    max_tokens: int
    deadline_s: float

    def ask(
        self, model: str, asked: Conversation, *, temperature: float, read: Callable[[Completion], Heard[T]]
    ) -> Used[T] | Declined:
        """A reply that can be used. One that cannot is sent back once with the exact fault.

        A call without an answer declines this ask alone; a model that cannot be used at all declines lastingly.
        """
        exchanges: list[Exchange] = []
        try:
            return self._talk(model, asked, temperature, read, exchanges)
        except TooLongError as error:
            told = f"{error}; prompt_tokens is {asked.most:,}, begin a run with more of them"
            return Declined(reason=told, exchanges=tuple(exchanges))

    def _talk(
        self,
        model: str,
        asked: Conversation,
        temperature: float,
        read: Callable[[Completion], Heard[T]],
        exchanges: list[Exchange],
    ) -> Used[T] | Declined:
        """Ask, and ask again; what was said goes to `exchanges`. Raises TooLongError."""
        messages = asked.first()
        heard: Heard[T] = Heard()
        for _ in range(ROUNDS):
            request = Request(
                model=model, messages=tuple(messages), max_tokens=self.max_tokens, temperature=temperature
            )
            try:
                completion = self._complete(request)
            except ModelError as error:
                broken = error.broken if isinstance(error, NoAnswer) else ()
                return _declined(error, [*exchanges, *_broken(request, broken)], request)
            exchanges += [*_broken(request, completion.broken), _exchange(request, completion)]
            heard = read(completion) if completion.text.strip() else Heard(faults=[_empty(completion)])
            if heard.reply is not None and not heard.faults:
                return Used(reply=heard.reply, exchanges=tuple(exchanges))
            messages = asked.again(completion.text, heard.faults, truncated=completion.truncated)
        return Declined(
            reason=f"no usable reply in {ROUNDS} rounds: {'; '.join(heard.faults)}",
            exchanges=tuple(exchanges),
            duplicate_of=heard.duplicate_of,
        )

    def _complete(self, request: Request) -> Completion:
        return self.clients[request.model].complete(
            request.messages,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            deadline_s=self.deadline_s,
        )


def _empty(completion: Completion) -> str:
    return f"the reply is empty (finish reason: {completion.finish_reason})"


def _declined(error: ModelError, exchanges: Sequence[Exchange], request: Request) -> Declined:
    """What went wrong and what to set; all but NoAnswer is lasting."""
    return Declined(
        reason=f"{str(error).rstrip('.')}. {error.fix}" if error.fix else str(error),
        lasting=not isinstance(error, NoAnswer),
        exchanges=tuple(exchanges),
        unanswered=_unanswered(request),
    )


def _exchange(request: Request, completion: Completion) -> Exchange:
    return replace(
        _unanswered(request),
        model=completion.model,
        reply=completion.text,
        prompt_tokens=completion.prompt_tokens,
        reply_tokens=completion.reply_tokens,
        usd=completion.usd,
        latency_s=completion.latency_s,
        notes=completion.notes,
        finish_reason=completion.finish_reason,
    )


def _broken(request: Request, tries: Sequence[Completion]) -> list[Exchange]:
    return [replace(_exchange(request, each), broken=True) for each in tries]


def _unanswered(request: Request) -> Exchange:
    return Exchange(
        model=request.model,
        prompt=request.text,
        reply="",
        prompt_tokens=0,
        reply_tokens=0,
        usd=None,
        latency_s=0.0,
        request=request.digest,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
    )
