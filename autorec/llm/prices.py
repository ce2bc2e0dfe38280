"""What a call costs: the user's price, else what the provider charged, else the published price."""

import importlib.util
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PER_MILLION = 1_000_000
PUBLISHED = "model_prices_and_context_window_backup.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per million tokens; `own` where the user gave it, which overrides what a provider reports."""

    input: float
    output: float
    own: bool = True

    def usd(self, prompt_tokens: int, reply_tokens: int) -> float:
        return (self.input * prompt_tokens + self.output * reply_tokens) / PER_MILLION


def find_price(model: str, prices: Mapping[str, Price], *, hosted: bool) -> Price | None:
    """The price of `provider/model`; published prices count only where the provider itself is called (`hosted`)."""
    if model in prices:
        return prices[model]
    return _published_price(model) if hosted else None


def charge(price: Price | None, usage: Any, hidden: Any, prompt_tokens: int, reply_tokens: int) -> float | None:
    """Dollars for one answer, None where nobody knows. `usage` is the provider's, `hidden` what litellm adds."""
    if price is not None and price.own:
        return price.usd(prompt_tokens, reply_tokens)
    reported = _reported_cost(usage, hidden)
    if reported is not None:
        return reported
    return price.usd(prompt_tokens, reply_tokens) if price is not None else None


def _reported_cost(usage: Any, hidden: Any) -> float | None:
    """What the provider (`usage.cost`) or litellm (`response_cost`) says that this answer cost."""
    computed = hidden.get("response_cost") if isinstance(hidden, Mapping) else None
    for said in (getattr(usage, "cost", None), computed):
        if isinstance(said, int | float) and not isinstance(said, bool) and math.isfinite(said) and said >= 0:
            return float(said)
    return None


def _published_price(model: str) -> Price | None:
    table = _published_table()
    provider, _, name = model.partition("/")
    row = table.get(model)
    if row is None and table.get(name, {}).get("litellm_provider") == provider:
        row = table[name]
    if not row or "input_cost_per_token" not in row or "output_cost_per_token" not in row:
        return None
    return Price(
        input=row["input_cost_per_token"] * PER_MILLION, output=row["output_cost_per_token"] * PER_MILLION, own=False
    )


@cache
def _published_table() -> Mapping[str, Any]:
    """The price map that litellm ships, read as a file: importing litellm for it takes seconds."""
    spec = importlib.util.find_spec("litellm")
    path = Path(spec.origin).parent / PUBLISHED if spec and spec.origin else None
    if path is None or not path.is_file():
        return {}
    table: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table
