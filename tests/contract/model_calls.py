"""A model client on a scripted server, and one call of it."""

import socket

from autorec.llm.client import Message
from autorec.llm.open import open_client
from autorec.llm.retries import Retries

MODEL = "openai/scripted"
QUICK = Retries(attempts=3, first_s=0.01, longest_s=0.05)


def ask(client, **options):
    options = {"max_tokens": 100, "temperature": 0.5, "deadline_s": 10.0, **options}
    return client.complete([Message(role="user", content="hello there")], **options)


def opened(server, **options):
    return open_client(MODEL, api_base=server.base, **{"retries": QUICK, **options})


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
