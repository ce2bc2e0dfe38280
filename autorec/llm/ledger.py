"""One account of money and tokens for a run, and a client that keeps to it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from autorec.llm.client import BudgetSpent, Completion, LLMClient, Message


class Ledger:
    """Dollars and tokens spent against caps (None: no cap), by all models of a run together. Thread-safe.

    A try is admitted while less than the cap is spent, so a cap is passed by no more than the tries in flight.
    """

    def __init__(
        self,
        *,
        max_usd: float | None = None,
        max_tokens: int | None = None,
        spent_usd: float = 0.0,
        spent_tokens: int = 0,
    ) -> None:
        self.max_usd, self.max_tokens = max_usd, max_tokens
        self._spent_usd, self._spent_tokens = spent_usd, spent_tokens
        self._lock = threading.Lock()

    def admit(self) -> None:
        """To be asked before each try. Raises BudgetSpent once a cap is reached."""
        with self._lock:
            usd, tokens = self._spent_usd, self._spent_tokens
        if self.max_usd is not None and usd >= self.max_usd:
            raise BudgetSpent(
                f"${usd:.4f} of ${self.max_usd:.4f} are spent on language models",
                fix="Raise --max-usd to let the model write more.",
            )
        if self.max_tokens is not None and tokens >= self.max_tokens:
            raise BudgetSpent(
                f"{tokens:,} of {self.max_tokens:,} tokens of language models are used",
                fix="Raise --max-tokens to let the model write more.",
            )

    def record(self, *paid: Completion) -> None:
        """Add what answers cost, and tries that broke off."""
        with self._lock:
            self._spent_usd += sum(each.usd or 0.0 for each in paid)
            self._spent_tokens += sum(each.prompt_tokens + each.reply_tokens for each in paid)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredClient:
    """An LLMClient whose calls are one try each: it asks the ledger before a call and tells it after."""

    client: LLMClient
    ledger: Ledger

    @property
    def model(self) -> str:
        return self.client.model

    def check(self) -> None:
        """See `LLMClient.check`."""
        self.client.check()

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float, deadline_s: float
    ) -> Completion:
        """See `LLMClient.complete`. Raises BudgetSpent, without a call, once a cap is reached."""
        self.ledger.admit()
        completion = self.client.complete(
            messages, max_tokens=max_tokens, temperature=temperature, deadline_s=deadline_s
        )
        self.ledger.record(completion)
        return completion
