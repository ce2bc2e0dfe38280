"""The index of a cassette: which calls of language models lie in which files."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from autorec.domain.candidate import Exchange

FILE = r"^calls/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$"
"""One file in that folder. A pattern of pydantic is searched for, so both ends are named; `$` is no line's end."""


class Call(BaseModel):
    """One call: all of an `Exchange` but its two texts, which are files beside. `exchange` is the digest of it all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: int
    operator: str
    exchange: str
    request: str
    model: str
    max_tokens: int
    temperature: float
    prompt_tokens: int
    reply_tokens: int
    usd: float | None
    latency_s: float
    finish_reason: str
    broken: bool
    notes: tuple[str, ...]
    prompt_file: str = Field(pattern=FILE)
    reply_file: str | None = Field(pattern=FILE)

    def with_texts(self, prompt: str, reply: str) -> Exchange:
        """The whole call again."""
        kept = self.model_dump(exclude={"ask", "operator", "exchange", "prompt_file", "reply_file"})
        return Exchange(**{**kept, "notes": self.notes, "prompt": prompt, "reply": reply})


class Index(BaseModel):
    """`cassette.json`. `autorec` is the version that made the recording."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    autorec: str
    calls: tuple[Call, ...]
