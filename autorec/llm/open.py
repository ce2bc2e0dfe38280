"""From `--llm provider/model` to a client."""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from autorec.domain.errors import ModelError
from autorec.llm.client import LLMClient
from autorec.llm.gate import Gate
from autorec.llm.ledger import Ledger, MeteredClient
from autorec.llm.mailbox import MailboxClient
from autorec.llm.prices import Price, find_price
from autorec.llm.retries import Retries
from autorec.schemas.model_names import MAILBOX, folder_of, shown

OPENAI = "openai/"


def open_client(
    model: str,
    *,
    api_base: str | None = None,
    prices: Mapping[str, Price] | None = None,
    ledger: Ledger | None = None,
    retries: Retries | None = None,
    gate: Gate | None = None,
) -> LLMClient:
    """A client for `provider/model`: openai's SDK for `openai/...` and any `api_base`, litellm for the rest.

    `mailbox:DIR` is answered by files.

    Keys come from the environment only. Calls stop once a cap of the `ledger` is reached, which several models share;
    `gate` says how many requests this model gets.

    Raises ModelError, before any call, for a malformed name or address, a secret in the address, a missing key, or a
    cap on money with a model without a price.
    """
    mailbox = folder_of(model, MAILBOX)
    if mailbox is None:
        _check_name(model, api_base)
    price = price_of(model, api_base, prices or {})
    if ledger is not None and ledger.max_usd is not None and price is None:
        raise _unpriced(shown(model))
    ledger = ledger or Ledger()
    if mailbox is None:
        return _open(model, api_base, price, retries or Retries(), gate or Gate(), ledger)
    return MeteredClient(client=MailboxClient(model=shown(model), folder=mailbox, price=price), ledger=ledger)


def price_of(model: str, api_base: str | None, prices: Mapping[str, Price]) -> Price | None:
    """The user's price, else the published one where the provider itself is called; None where nobody knows."""
    hosted = api_base is None and folder_of(model, MAILBOX) is None
    return find_price(shown(model), prices, hosted=hosted)


def _open(
    model: str, api_base: str | None, price: Price | None, retries: Retries, gate: Gate, ledger: Ledger
) -> LLMClient:
    if api_base is not None or model.startswith(OPENAI):
        from autorec.llm.openai_backend import open_openai

        return open_openai(model, api_base=api_base, price=price, retries=retries, gate=gate, ledger=ledger)
    from autorec.llm.litellm_backend import open_litellm

    return open_litellm(model, price=price, retries=retries, gate=gate, ledger=ledger)


def _check_name(model: str, api_base: str | None) -> None:
    provider, slash, name = model.partition("/")
    if not model.strip() or (slash and not (provider and name)) or (not slash and api_base is None):
        raise ModelError(
            f"--llm {model!r}: expected provider/model, mailbox:DIR or replay:DIR",
            fix="For example --llm openai/gpt-5, --llm anthropic/claude-sonnet-4-5, any name with --api-base URL, or "
            "--llm mailbox:letters, whose requests you answer yourself.",
        )
    if api_base is not None:
        _check_address(api_base)


def _check_address(api_base: str) -> None:
    """Addresses are stored with the run and shown: none may hold a secret, and one that does is not repeated."""
    if "@" in api_base or "?" in api_base or "#" in api_base:
        raise ModelError(
            "--api-base may hold no user or password (@) and no query (? or #): it is stored with the run and shown",
            fix="Give the address alone, such as http://127.0.0.1:8000/v1, and the key in OPENAI_API_KEY.",
        )
    if not _is_address(api_base):
        raise ModelError(
            f"--api-base {api_base!r}: expected a URL that starts with http:// or https://, "
            "with a host and, where one is given, a port from 1 to 65535",
            fix="For example --api-base http://127.0.0.1:8000/v1.",
        )


def _is_address(text: str) -> bool:
    """Whether an HTTP client takes this address: a scheme, a plain ASCII host, a port that exists."""
    try:
        url = urlsplit(text)
        host = (url.hostname or "").encode("idna").decode("idna") if text.isascii() else ""
        port_fits = url.port is None or url.port > 0
    except ValueError:  # a port that is no number, a malformed name
        return False
    return url.scheme in ("http", "https") and bool(host) and port_fits and text.isprintable() and " " not in text


def _unpriced(model: str) -> ModelError:
    return ModelError(
        f"--max-usd needs a price and nobody knows that of {model}",
        fix="Give it in the configuration file, in dollars per million tokens (0 for a model of your own): "
        f"prices.{json.dumps(model)} = {{input = 1.25, output = 10.0}}",
    )
