"""A model and those that are asked in its place when it gives no answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autorec.domain.errors import ModelError
from autorec.llm.client import BudgetSpent, Completion, LLMClient, Message, NoAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackClient:
    """An LLMClient that hands a call on: to `instead`, one after the other, when `first` gives no answer to it.

    Every call begins with `first`: a model that was out may be back. The answer names who gave it, and why.
    """

    first: LLMClient
    instead: tuple[LLMClient, ...]

    @property
    def model(self) -> str:
        return self.first.model

    def check(self) -> None:
        """See `LLMClient.check`; every one of them has to be usable."""
        for client in (self.first, *self.instead):
            client.check()

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float, deadline_s: float
    ) -> Completion:
        """See `LLMClient.complete`; each one has the whole deadline.

        Raises ModelError only where none of them can be used at all. Once the money or the tokens are spent, no other
        is asked.
        """
        broken: tuple[Completion, ...] = ()
        failures: list[ModelError] = []
        for client in (self.first, *self.instead):
            try:
                answer = client.complete(
                    messages, max_tokens=max_tokens, temperature=temperature, deadline_s=deadline_s
                )
            except ModelError as failure:
                failures.append(failure.with_traceback(None))  # which holds this frame, and so itself
                broken += failure.broken if isinstance(failure, NoAnswer) else ()
                if isinstance(failure, BudgetSpent):
                    break
            else:
                notes = tuple(f"asked {answer.model} instead after: {failure}" for failure in failures)
                return replace(answer, notes=(*notes, *answer.notes), broken=(*broken, *answer.broken))
        raise _all(failures, broken)


def _all(failures: Sequence[ModelError], broken: tuple[Completion, ...]) -> ModelError:
    """What all of them met, as one fault: lasting where each of them is."""
    said, fix = "; ".join(map(str, failures)), " ".join(dict.fromkeys(each.fix for each in failures if each.fix))
    if all(not isinstance(failure, NoAnswer) for failure in failures):
        return ModelError(said, fix=fix)
    return NoAnswer(said, fix=fix, broken=broken)
