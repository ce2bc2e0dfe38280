"""OpenAI, and any server that speaks its protocol, through the openai SDK (imported with this module)."""

import json
import os
import weakref
from typing import Any

from openai import OpenAI, Stream
from openai.types.chat import ChatCompletion

from autorec.domain.errors import ModelError
from autorec.llm.chat import SUBSTITUTES, ChatClient
from autorec.llm.endpoint import Endpoint, secrets_of
from autorec.llm.gate import Gate
from autorec.llm.ledger import Ledger
from autorec.llm.prices import Price
from autorec.llm.retries import Retries

KEY_NAME = "OPENAI_API_KEY"
HOSTED = "https://api.openai.com/v1"
NO_KEY = "no-key-needed"
PROBE_S = 10.0


def open_openai(
    model: str, *, api_base: str | None, price: Price | None, retries: Retries, gate: Gate, ledger: Ledger
) -> ChatClient:
    """A client for `openai/...`, or for any model behind `api_base`.

    Raises ModelError when OpenAI itself is meant and no key is set, or when the key cannot be sent.
    """
    key = os.environ.get(KEY_NAME, "").strip()
    if not key and api_base is None:
        raise ModelError(f"{model} needs a key; {KEY_NAME} is not set", fix=f"Set {KEY_NAME}, or give --api-base URL.")
    if not (key.isascii() and key.isprintable()):
        raise ModelError(
            f"{KEY_NAME} holds characters that no key has", fix=f"Set {KEY_NAME} again, by copy and paste."
        )
    sdk = OpenAI(api_key=key or NO_KEY, base_url=api_base or HOSTED, max_retries=0)
    name = model.removeprefix("openai/")

    def create(**call: Any) -> Any:
        return _heard(sdk.chat.completions.create(model=name, **call))

    def probe() -> None:
        sdk.models.list(timeout=PROBE_S)

    client = ChatClient(
        model=model,
        endpoint=Endpoint(model=model, address=api_base or HOSTED, key_name=KEY_NAME, secrets=secrets_of(os.environ)),
        create=create,
        probe=probe,
        price=price,
        retries=retries,
        gate=gate,
        ledger=ledger,
        refused={} if api_base else dict(SUBSTITUTES),
    )
    weakref.finalize(client, sdk.close)  # before its sockets are left to the collector
    return client


def _heard(answer: Any) -> Any:
    """The answer; a server that does not stream answers in one piece, whatever it was asked, and that was paid for.

    Raises ValueError for one piece that is no JSON object.
    """
    response = answer.response if isinstance(answer, Stream) else None
    if response is None or not str(response.headers.get("content-type", "")).startswith("application/json"):
        return answer
    body = json.loads(response.read())
    if not isinstance(body, dict):
        raise ValueError(f"expected a JSON object, got a {type(body).__name__}")
    return ChatCompletion.construct(**body)
