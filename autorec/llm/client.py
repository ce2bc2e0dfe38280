"""The port to language models, and what can go wrong behind it.

ModelError (domain)       the model cannot be used at all: key, name, address, credit. A lasting fault
└── NoAnswer              this call got no usable answer; the next one may
    ├── RequestRefused    the server would not take this request; several in a row are a lasting fault
    └── BudgetSpent       the money or the tokens of the run are spent; no further call is made
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from autorec.domain.errors import ModelError

TRUNCATED = "length"


class NoAnswer(ModelError):
    """Bounded retries brought no usable answer to this call; `broken` are tries that broke off and are billed."""

    def __init__(self, message: str, *, fix: str = "", broken: "tuple[Completion, ...]" = ()) -> None:
        super().__init__(message, fix=fix)
        self.broken = broken


class RequestRefused(NoAnswer):
    """The server is well and refused this request; `cause` is the same for requests refused for the same reason."""

    def __init__(self, message: str, *, cause: str, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.cause = cause


class BudgetSpent(NoAnswer):
    """The cap on money or on tokens is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer, which may be empty and has its cost all the same.

    `usd` is None where nobody knows the price; `latency_s` includes retries. `finish_reason` is the provider's word,
    `length` where the reply was cut; `notes` say what was dropped, retried or estimated on the way. `broken` are the
    tries before it that broke off in the middle of their text: what had come is billed, each with its own figures.
    """

    text: str
    prompt_tokens: int
    reply_tokens: int
    usd: float | None
    model: str
    latency_s: float
    finish_reason: str
    notes: tuple[str, ...] = ()
    broken: "tuple[Completion, ...]" = ()

    @property
    def truncated(self) -> bool:
        return self.finish_reason == TRUNCATED


class LLMClient(Protocol):
    """A language model. Safe to call from several threads."""

    @property
    def model(self) -> str:
        """The name that the user gave, `provider/model`."""
        ...

    def check(self) -> None:
        """See, without spending a token, whether a call can succeed at all.

        Raises ModelError for a dead address or a refused key.
        """
        ...

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float, deadline_s: float
    ) -> Completion:
        """Answer within `deadline_s` seconds, retries included.

        Raises NoAnswer when this call failed, also because the server was out of reach; ModelError when none can
        succeed: the key, the name or the account.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """An LLMClient in the place of one that could not be opened: each call says why."""

    model: str
    reason: str
    fix: str

    def check(self) -> None:
        """See `LLMClient.check`."""
        raise ModelError(self.reason, fix=self.fix)

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float, deadline_s: float
    ) -> Completion:
        """See `LLMClient.complete`."""
        raise ModelError(self.reason, fix=self.fix)
