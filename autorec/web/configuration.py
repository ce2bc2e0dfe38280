"""The stored configuration as a TOML file that `autorec search --config` takes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

LEFT_OUT = ("run", "seed_sources", "own")
"""The run's own name, sources that are candidates of the run already, and the text of a person's templates."""


def as_toml(config: Mapping[str, Any]) -> str:
    """Plain values first, then tables; keys without a value are left out."""
    values = {key: value for key, value in config.items() if key not in LEFT_OUT and value not in (None, [], {})}
    plain = [f"{key} = {_value(value)}" for key, value in values.items() if not isinstance(value, Mapping)]
    tables = [line for key, value in values.items() if isinstance(value, Mapping) for line in _table((key,), value)]
    return "\n".join([*plain, *tables]) + "\n"


def _table(keys: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    own = {key: value for key, value in table.items() if key not in inner and value is not None}
    if own:
        yield f"\n[{'.'.join((keys[0], *map(_text, keys[1:])))}]"
        yield from (f"{_text(key)} = {_value(value)}" for key, value in own.items())
    for key, value in inner.items():
        yield from _table((*keys, key), value)


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    """A basic string; TOML wants escapes as JSON writes them, and DEL besides."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
