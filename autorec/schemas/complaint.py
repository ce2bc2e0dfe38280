"""What pydantic has against a value, in words for people who do not know pydantic."""

from collections.abc import Mapping
from typing import Any

SAID_BY_US = "value_error"
EXPECTED: Mapping[str, str] = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "path_type": "a path",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
}
"""By the type of an error; the fields stand in its `ctx`."""
LONGEST = 60


def complaint(error: Any) -> str:
    """One error of a `ValidationError`: what was expected and what came, or what our own check said."""
    kind = str(error["type"])
    if kind == SAID_BY_US:
        return str(error["msg"]).removeprefix("Value error, ")
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not a known key"
    return f"{wanted(error)}, got {shown(error['input'])}"


def wanted(error: Any) -> str:
    """What was expected where a value is of the wrong type, or out of range."""
    kind, message = str(error["type"]), str(error["msg"])
    if kind not in EXPECTED:
        return message[:1].lower() + message[1:]
    return "expected " + EXPECTED[kind].format(**error.get("ctx", {}))


def where(error: Any) -> str:
    """Where it stands: keys and places from the outside in."""
    return ".".join(str(part) for part in error["loc"])


def shown(value: object) -> str:
    """A value as it came, cut where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
