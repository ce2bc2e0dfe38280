"""Every other provider, through litellm."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from autorec.domain.errors import ModelError
from autorec.llm.chat import ChatClient
from autorec.llm.endpoint import Endpoint, is_secret, secrets_of
from autorec.llm.gate import Gate
from autorec.llm.ledger import Ledger
from autorec.llm.openai_backend import PROBE_S
from autorec.llm.prices import Price
from autorec.llm.retries import Retries

KEYS_ELSEWHERE = frozenset({"bedrock", "sagemaker", "vertex_ai"})
"""Providers whose credentials may come from a profile or the machine; that none is in the environment says nothing."""


def open_litellm(model: str, *, price: Price | None, retries: Retries, gate: Gate, ledger: Ledger) -> ChatClient:
    """A client for `provider/model`; importing litellm takes two to four seconds and happens here.

    `check` asks for the list of models, which is free, where litellm knows the provider's address and key as those of
    an OpenAI-compatible server (deepseek, groq, mistral, xai and others). Of the rest (anthropic, gemini, openrouter)
    a wrong key is known only from the first answer; litellm's own `check_valid_key` pays for one.

    litellm gives each stream a finish reason, one that ended in the middle included: what is missing is then seen by
    the parser of the reply alone.

    Raises ModelError for an unknown provider and for a missing key, naming the variable.
    """
    litellm = _import_litellm()
    provider, key, base = _provider(litellm, model)
    _refuse_missing(litellm, model, provider)

    def create(**call: Any) -> Any:
        return litellm.completion(model=model, num_retries=0, max_retries=0, **call)

    return ChatClient(
        model=model,
        endpoint=Endpoint(
            model=model, address=provider, key_name=_key_name(provider, key), secrets=secrets_of(os.environ)
        ),
        create=create,
        probe=_probe(key, base) if key and base else _nothing_to_probe,
        price=price,
        retries=retries,
        gate=gate,
        ledger=ledger,
    )


def _import_litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    return litellm


def _provider(litellm: Any, model: str) -> tuple[str, str | None, str | None]:
    """The provider's name; its key and the address of its API where litellm resolves them without a call."""
    try:
        _, provider, key, base = litellm.get_llm_provider(model)
    except litellm.exceptions.BadRequestError:
        raise ModelError(
            f"--llm {model}: no provider of that name",
            fix="Name it provider/model, such as openai/gpt-5 or anthropic/claude-sonnet-4-5, or give --api-base URL.",
        ) from None
    return str(provider), key, base


def _refuse_missing(litellm: Any, model: str, provider: str) -> None:
    """Raises ModelError for a key that is not set, or set to nothing, which litellm takes for set."""
    with _without_blanks():
        absent = [name for name in litellm.validate_environment(model)["missing_keys"] if name not in os.environ]
    keys = [name for name in absent if is_secret(name)]
    if keys and provider not in KEYS_ELSEWHERE:
        names = " and ".join([" or ".join(keys), *(name for name in absent if name not in keys)])
        raise ModelError(f"{model} needs a key; {names} is not set", fix=f"Set {names} in the environment.")


@contextmanager
def _without_blanks() -> Iterator[None]:
    blank = {name: value for name, value in os.environ.items() if is_secret(name) and not value.strip()}
    for name in blank:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(blank)


def _keys_of(provider: str) -> list[str]:
    """Variables of the environment that by their name hold a key of the provider (TOGETHERAI_API_KEY: together_ai)."""
    stem = provider.replace("_", "").upper()
    return sorted(name for name in os.environ if is_secret(name) and name.replace("_", "").upper().startswith(stem))


def _key_name(provider: str, key: str | None) -> str:
    """The variable that the key comes from, as far as it can be told."""
    holders = [name for name, value in os.environ.items() if key and value == key and is_secret(name)]
    return next(iter([*sorted(holders), *_keys_of(provider)]), f"{provider.upper()}_API_KEY")


def _probe(key: str, base: str) -> Callable[[], None]:
    def probe() -> None:
        from openai import OpenAI

        with OpenAI(api_key=key, base_url=base, max_retries=0) as sdk:
            sdk.models.list(timeout=PROBE_S)

    return probe


def _nothing_to_probe() -> None:
    """No free call is known; the first one tells."""
