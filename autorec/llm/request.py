"""One request to a language model as a value: who is asked what, and the name that it has in a record."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from autorec.llm.client import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked, and of whom: `model` is the name that the user gave, whoever answers in the end."""

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float

    @property
    def digest(self) -> str:
        """The sha256 (hex) of model, messages and parameters: two requests of one digest are the same."""
        content = [
            self.model,
            [[message.role, message.content] for message in self.messages],
            {"max_tokens": self.max_tokens, "temperature": self.temperature},
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode(errors="surrogatepass")).hexdigest()

    @property
    def text(self) -> str:
        """The conversation as people read it."""
        return transcript(self.messages)


def transcript(messages: Sequence[Message]) -> str:
    """A conversation as one readable text."""
    return "\n".join(f"[{message.role}]\n\n{message.content.rstrip()}\n" for message in messages)
