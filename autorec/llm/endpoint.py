"""Where calls go, and what must never be shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

SHOWN_CHARACTERS = 300
READ_CHARACTERS = 100_000
SHORTEST_SECRET = 6
SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL")
_USERINFO = re.compile(r"://([^/@\s]+)@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model at an address; `key_name` is the environment variable of its key, `secrets` are kept to redact them."""

    model: str
    address: str
    key_name: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def hide(self, text: str) -> str:
        """The text without any secret: what a server sends back is kept, and may repeat what it was sent."""
        for secret in self.secrets:
            text = text.replace(secret, "[key]")
        return text

    def redact(self, text: str) -> str:
        """The text without any secret, on one line, cut to a readable length."""
        shown = " ".join(self.hide(text[:READ_CHARACTERS]).split())
        return shown if len(shown) <= SHOWN_CHARACTERS else shown[:SHOWN_CHARACTERS] + " ..."


def is_secret(name: str) -> bool:
    """Whether an environment variable of this name holds a secret."""
    return any(word in name.upper() for word in SECRET_WORDS)


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Values to redact, the longest first, and user:password of addresses; very short ones would garble messages."""
    found = {value for name, value in environment.items() if is_secret(name)}
    found |= {userinfo for value in environment.values() for userinfo in _USERINFO.findall(value)}
    return tuple(sorted((v for v in found if len(v) >= SHORTEST_SECRET), key=lambda value: (-len(value), value)))
