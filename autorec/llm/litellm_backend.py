"""Every other provider, through litellm."""

import os
from typing import Any

from autorec.domain.errors import ModelError
from autorec.llm.chat import ChatClient
from autorec.llm.endpoint import Endpoint, is_secret, secrets_of
from autorec.llm.prices import Price
from autorec.llm.retries import Retries


def open_litellm(model: str, *, price: Price | None, retries: Retries) -> ChatClient:
    """A client for `provider/model`; importing litellm takes two to four seconds and happens here.

    Raises ModelError for an unknown provider and for a missing key, naming the variable.
    """
    litellm = _import_litellm()
    provider = _provider(litellm, model)
    missing = [name for name in litellm.validate_environment(model)["missing_keys"] if is_secret(name)]
    if missing:
        names = " or ".join(missing)
        raise ModelError(f"{model} needs a key; {names} is not set", fix=f"Set {names} in the environment.")
    key_name = f"{provider.upper()}_API_KEY"

    def create(**call: Any) -> Any:
        return litellm.completion(model=model, num_retries=0, max_retries=0, **call)

    return ChatClient(
        model=model,
        endpoint=Endpoint(model=model, address=provider, key_name=key_name, secrets=secrets_of(os.environ)),
        create=create,
        probe=_nothing_to_probe,
        price=price,
        retries=retries,
    )


def _import_litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    return litellm


def _provider(litellm: Any, model: str) -> str:
    try:
        return str(litellm.get_llm_provider(model)[1])
    except litellm.exceptions.BadRequestError:
        raise ModelError(
            f"--llm {model}: no provider of that name",
            fix="Name it provider/model, such as openai/gpt-5 or anthropic/claude-sonnet-4-5, or give --api-base URL.",
        ) from None


def _nothing_to_probe() -> None:
    """Providers differ too much for a free probe; the first call tells."""
