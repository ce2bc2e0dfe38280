"""The language models of a run: from the names in its configuration to clients that share one ledger."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from autorec.domain.errors import ModelError, UsageError
from autorec.domain.events import Bill
from autorec.schemas.config import SearchConfig
from autorec.schemas.model_names import REPLAY, folder_of, shown

if TYPE_CHECKING:
    from autorec.llm.client import LLMClient
    from autorec.llm.ledger import Ledger
    from autorec.llm.prices import Price

    Opened = Callable[[SearchConfig, str, Ledger], LLMClient]

ANSWER_S = 600.0
"""How long an answer of a model behind an API may take, where nothing else is said; people have the whole budget."""
NEEDS_A_MODEL = ("hypotheses", "memory", "max_usd", "max_tokens", "api_base", "api_bases", "llm_fallback")


def open_models(config: SearchConfig) -> "dict[str, LLMClient]":
    """The models of a new run by name, each of them tried where that is free; none where none is named.

    Raises ModelError for one that cannot be used, UsageError for what needs a model and has none.
    """
    if not config.llm:
        for key in NEEDS_A_MODEL:
            if getattr(config, key):
                raise UsageError(f"{key} needs a language model, and none is given", fix="add --llm provider/model")
        return {}
    if folder_of(config.llm, REPLAY):
        return {}  # the recording answers, whoever follows it
    _refuse_strangers(config)
    ledger = _ledger(config, Bill())
    clients = _opened(config, ledger, _metered)
    for client in clients.values():
        client.check()
    return {shown(name): _client(config, name, clients) for name in config.llm}


def reopen_models(config: SearchConfig, spent: Bill) -> "dict[str, LLMClient]":
    """Those of a run that goes on; one that cannot be used answers each call with why."""
    from autorec.llm.client import Unusable

    def usable(config: SearchConfig, name: str, ledger: "Ledger") -> "LLMClient":
        try:
            client = _metered(config, name, ledger)
            client.check()
        except ModelError as error:
            return Unusable(model=shown(name), reason=str(error), fix=error.fix)
        return client

    clients = _opened(config, _ledger(config, spent), usable)
    return {shown(name): _client(config, name, clients) for name in config.llm}


def prices_of(config: SearchConfig) -> "Mapping[str, Price | None]":
    """The price of each model that writes; None where nobody knows."""
    from autorec.llm.open import price_of

    return {shown(name): price_of(name, _address(config, name), _own_prices(config)) for name in config.llm}


def _opened(config: SearchConfig, ledger: "Ledger", open_one: "Opened") -> "dict[str, LLMClient]":
    """Every model once, whether it writes, stands in for another or both: one gate, and one memory of refusals."""
    return {name: open_one(config, name, ledger) for name in dict.fromkeys((*config.llm, *config.llm_fallback))}


def _client(config: SearchConfig, name: str, clients: "Mapping[str, LLMClient]") -> "LLMClient":
    """One model, and behind it those that are asked in its place."""
    from autorec.llm.fallback import FallbackClient

    names = dict.fromkeys((name, *config.llm_fallback))
    first, *instead = [clients[each] for each in names]
    return FallbackClient(first=first, instead=tuple(instead)) if instead else first


def _metered(config: SearchConfig, name: str, ledger: "Ledger") -> "LLMClient":
    from autorec.llm.gate import Gate
    from autorec.llm.open import open_client
    from autorec.llm.retries import Retries

    return open_client(
        name,
        api_base=_address(config, name),
        prices=_own_prices(config),
        ledger=ledger,
        retries=Retries(call_s=config.llm_deadline or ANSWER_S),
        gate=Gate(at_once=config.llm_at_once, a_minute=config.llm_requests_per_minute),
    )


def _ledger(config: SearchConfig, spent: Bill) -> "Ledger":
    from autorec.llm.ledger import Ledger

    return Ledger(max_usd=config.max_usd, max_tokens=config.max_tokens, spent_usd=spent.usd, spent_tokens=spent.tokens)


def _own_prices(config: SearchConfig) -> "dict[str, Price]":
    from autorec.llm.prices import Price

    return {name: Price(input=price.input, output=price.output) for name, price in config.prices.items()}


def _address(config: SearchConfig, name: str) -> str | None:
    return config.api_bases.get(name, config.api_base)


def _refuse_strangers(config: SearchConfig) -> None:
    for name in config.api_bases:
        if name not in (*config.llm, *config.llm_fallback):
            raise UsageError(
                f"api_bases: {name!r} is no model of this search",
                fix=f"name one of {', '.join((*config.llm, *config.llm_fallback))}",
            )
