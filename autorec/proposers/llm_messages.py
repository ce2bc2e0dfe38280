"""The messages of one ask, within the budget of tokens: the first round, and the round after a refused reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autorec.llm.client import Message
from autorec.prompting.budget import (
    BYTES_A_TOKEN,
    MESSAGE_TOKENS,
    STEPS,
    Facts,
    cut,
    fit,
    of_messages,
    shortened,
    tokens,
)
from autorec.prompting.render import Templates

FAULTS_TOLD = 12
FAULT_CHARACTERS = 400
REPLY_SHARE = 3
"""A refused reply may take one part in so many of all."""
NOTHING = "(nothing)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a model is told of one ask, in at most `most` tokens by `budget.tokens`, the refused reply included.

    Where `system` is empty, the ask stands alone; `refusal` is the template of what is said to a refused reply.
    """

    templates: Templates
    system: str
    name: str
    facts: Facts
    most: int
    refusal: str = "again"

    def first(self) -> list[Message]:
        """The contract, and the ask. Raises TooLongError."""
        return list(self._asked(self.most))

    def again(self, reply: str, faults: Sequence[str], *, truncated: bool) -> list[Message]:
        """The same with a reply that cannot be used, and what is wrong with it; a long one is cut in its middle.

        Raises TooLongError.
        """
        said = self.templates.render(self.refusal, {"faults": told(faults), "truncated": truncated})
        around = of_messages((said, ""))
        spare = self.most - around - of_messages((self.system, self._asking(shortened(self.facts, STEPS))))
        shown = cut(reply, max(0, min(self.most // REPLY_SHARE, spare)) * BYTES_A_TOKEN) or NOTHING
        return [
            *self._asked(self.most - around - tokens(shown)),
            Message(role="assistant", content=shown),
            Message(role="user", content=said),
        ]

    def _asked(self, most: int) -> tuple[Message, ...]:
        room = most - tokens(self.system) - 2 * MESSAGE_TOKENS
        facts = fit(self.facts, lambda facts: tokens(self._asking(facts)), room)
        asking = Message(role="user", content=self._asking(facts))
        return (Message(role="system", content=self.system), asking) if self.system else (asking,)

    def _asking(self, facts: Mapping[str, Any]) -> str:
        return self.templates.render(self.name, facts)


def told(faults: Sequence[str]) -> list[str]:
    """The faults of a reply, the first dozen, each no longer than a few lines."""
    short = [fault if len(fault) <= FAULT_CHARACTERS else fault[:FAULT_CHARACTERS] + " ..." for fault in faults]
    rest = len(short) - FAULTS_TOLD
    return [*short[:FAULTS_TOLD], f"and {rest} more"] if rest > 0 else short
