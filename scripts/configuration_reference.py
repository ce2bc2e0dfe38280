"""Writes docs/configuration.md from the schema: `python scripts/configuration_reference.py`.

A test holds the page equal to what this writes.
"""

from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic.fields import FieldInfo

from autorec.domain.text import duration
from autorec.schemas.config import ENVIRONMENT, SearchConfig, parse_duration

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
HEAD = f"""# Configuration

Every key may stand in a TOML file (`autorec search --config search.toml`), in the environment as
`{ENVIRONMENT}<KEY>`, and, where there is one, in a flag of the same name with dashes. Flags beat environment beat file
beat defaults; the result is stored with the run. An unknown key is refused, with the nearest known one. Durations are
written `90s`, `20m`, `1h30m`; lists in the environment are separated by commas, hypotheses by lines.

<!-- written by scripts/configuration_reference.py -->

| key | type | default | what |
|---|---|---|---|
"""


def reference() -> str:
    """The page as Markdown."""
    return HEAD + "".join(f"{_row(name, field)}\n" for name, field in SearchConfig.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    kind = "duration" if _is_duration(field) else _type(field.annotation)
    return f"| `{name}` | {kind} | {_default(name, field)} | {field.description or ''} |"


def _is_duration(field: FieldInfo) -> bool:
    inner = [each for option in get_args(field.annotation) for each in getattr(option, "__metadata__", ())]
    return any(getattr(each, "func", None) is parse_duration for each in (*field.metadata, *inner))


def _type(annotation: Any) -> str:
    """A type as a person writes it in a TOML file."""
    options = [option for option in get_args(annotation) if option is not NoneType]
    if str(annotation).startswith("typing.Literal"):
        return ", ".join(f"`{option}`" for option in options)
    origin = getattr(annotation, "__origin__", None)
    if origin in (tuple, list):
        return f"list of {_type(options[0])}"
    if origin is dict:
        return "table"
    if options:
        return _type(options[0])
    names = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "Path": "path"}
    return names.get(getattr(annotation, "__name__", ""), "text")


def _default(name: str, field: FieldInfo) -> str:
    if name == "workers":
        return "the cores of the machine"
    value = field.get_default(call_default_factory=True)
    if value is None or value == () or value == {}:
        return ""
    if _is_duration(field):
        return f"`{duration(value).replace(' 00s', '').replace(' ', '')}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
