"""Renders the templates of `prompts/`: plain data that a person can read, change and compare."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound, UndefinedError
from jinja2.exceptions import TemplateSyntaxError

from autorec.domain.errors import UsageError

DECIMALS = 4


class Templates:
    """The prompts in one folder. A fact that a template asks for and nobody gives is an error, never a blank."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
        )
        self._environment.filters["number"] = number

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """The text of `<name>.j2` with these facts.

        Raises UsageError for a template that is missing, broken, or asks for a fact that is not there.
        """
        try:
            return self._environment.get_template(f"{name}.j2").render(facts).strip() + "\n"
        except TemplateNotFound as error:
            raise UsageError(f"{self._folder}: no template {error.name}") from None
        except TemplateSyntaxError as error:
            raise UsageError(f"{self._folder / (error.name or name)}:{error.lineno}: {error.message}") from None
        except UndefinedError as error:
            raise UsageError(f"{self._folder / name}.j2: {error.message}") from None


def number(value: float) -> str:
    """A figure as prompts show it: at most four decimals, no trailing zeros, thousands apart."""
    return f"{value:,.{DECIMALS}f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
