"""A client that has only recorded answers: each request must be the one that was made at this place."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from autorec.domain.candidate import Exchange
from autorec.domain.errors import ModelError, ReplayError
from autorec.llm.client import Completion, Message, NoAnswer
from autorec.llm.request import Request

LINES_TOLD = 12
CHARACTERS_TOLD = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The calls of the answer that is due at a `place` of the recording, in order.

    `said` is how people know the answer; where its last call brought none, `reason` says why, and whether `lasting`.
    """

    place: int
    said: str
    calls: tuple[Exchange, ...]
    reason: str = ""
    lasting: bool = False


@dataclass(slots=True, kw_only=True)
class ReplayClient:
    """An LLMClient with the answers of `due()`; `recorded` are all calls, to find the nearest one where none fits.

    Not for calls side by side: a replay asks for one answer after the other.
    """

    model: str
    due: Callable[[], Due]
    recorded: Sequence[Exchange] = field(repr=False)
    _place: int = -1
    _given: int = 0

    def check(self) -> None:
        """See `LLMClient.check`; nothing can be amiss."""

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float, deadline_s: float
    ) -> Completion:
        """See `LLMClient.complete`. Raises ReplayError for a request that was not made at this place."""
        request = Request(model=self.model, messages=tuple(messages), max_tokens=max_tokens, temperature=temperature)
        due = self.due()
        if due.place != self._place:
            self._place, self._given = due.place, 0
        broken = tuple(takewhile(lambda call: call.broken, due.calls[self._given :]))
        self._given += len(broken)
        call = due.calls[self._given] if self._given < len(due.calls) else None
        if call is None or call.request != request.digest:
            raise self._unseen(request, due, call)
        self._given += 1
        tries = tuple(map(_completion, broken))
        if not call.finish_reason:
            raise ModelError(due.reason) if due.lasting else NoAnswer(due.reason, broken=tries)
        return replace(_completion(call), broken=tries)

    def _unseen(self, request: Request, due: Due, expected: Exchange | None) -> ReplayError:
        nearest = expected or _nearest(request.text, self.recorded)
        told = "the recording holds no call at all"
        if nearest is not None:
            place = next(n for n, call in enumerate(self.recorded, 1) if call is nearest)
            told = f"the nearest is call {place} of {len(self.recorded)} (- recorded, + now):\n" + "\n".join(
                _differences(request, nearest)
            )
        return ReplayError(
            f"{due.said} makes a request that was not recorded: {request.digest[:12]} to {request.model}; {told}",
            fix="what makes prompts has changed: templates, facts or flags; replay with those of the recording, "
            "or record the search anew",
        )


def _completion(call: Exchange) -> Completion:
    return Completion(
        text=call.reply,
        prompt_tokens=call.prompt_tokens,
        reply_tokens=call.reply_tokens,
        usd=call.usd,
        model=call.model,
        latency_s=call.latency_s,
        finish_reason=call.finish_reason,
        notes=call.notes,
    )


def _nearest(text: str, calls: Sequence[Exchange]) -> Exchange | None:
    """The call whose prompt shares most lines."""
    lines = Counter(text.splitlines())

    def shared(call: Exchange) -> int:
        return (lines & Counter(call.prompt.splitlines())).total()

    return max(calls, key=shared, default=None)


def _differences(request: Request, call: Exchange) -> list[str]:
    """What differs, in a few lines: parameters, then the text."""
    asked = {"max_tokens": request.max_tokens, "temperature": request.temperature}
    told = [
        f"- {name} {getattr(call, name)}\n+ {name} {value}"
        for name, value in asked.items()
        if getattr(call, name) != value
    ]
    told += _changed_lines(call.prompt, request.text)
    if not told:
        return [f"- a model that answered as {call.model}\n+ {request.model}"]
    more = len(told) - LINES_TOLD
    return [*told[:LINES_TOLD], *([f"... and {more} lines more"] if more > 0 else [])]


def _changed_lines(old: str, new: str) -> Iterator[str]:
    for line in difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            shown = f"{line[0]} {line[1:]}"
            yield shown if len(shown) <= CHARACTERS_TOLD else shown[:CHARACTERS_TOLD] + " ..."
