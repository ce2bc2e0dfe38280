"""One account of money for a run, and a client that keeps to it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from autorec.llm.client import BudgetSpent, Completion, LLMClient, Message


class Ledger:
    """Dollars spent against a cap. Thread-safe.

    A call is admitted while less than the cap is spent, so the cap is passed by no more than the calls in flight.
    """

    def __init__(self, *, max_usd: float, spent_usd: float = 0.0) -> None:
        self._max_usd = max_usd
        self._spent_usd = spent_usd
        self._lock = threading.Lock()

    @property
    def spent_usd(self) -> float:
        with self._lock:
            return self._spent_usd

    def admit(self) -> None:
        """Raises BudgetSpent once the cap is reached."""
        spent = self.spent_usd
        if spent >= self._max_usd:
            raise BudgetSpent(
                f"${spent:.4f} of ${self._max_usd:.4f} are spent on language models",
                fix="Raise --max-usd to let the model write more.",
            )

    def record(self, usd: float) -> None:
        """Add what a call cost."""
        with self._lock:
            self._spent_usd += usd


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredClient:
    """An LLMClient that asks the ledger before each call and tells it after."""

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
        """See `LLMClient.complete`. Raises BudgetSpent, without a call, once the cap is reached."""
        self.ledger.admit()
        completion = self.client.complete(
            messages, max_tokens=max_tokens, temperature=temperature, deadline_s=deadline_s
        )
        self.ledger.record(completion.usd or 0.0)
        return completion
