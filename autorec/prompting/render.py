"""Renders the templates of `prompts/`: plain data that a person can read, change and compare."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader

from autorec.prompting.templates import FAULTS, TemplateFiles, environment, fault_of, refuse_strangers

DECIMALS = 4


class Templates:
    """The prompts in one folder, those of a person's own before them.

    A fact that a template asks for and nobody gives is an error, never a blank.
    """

    def __init__(self, folder: Path, own: TemplateFiles | None = None) -> None:
        """Raises UsageError for a file of `own` that nothing would ever render, or that is no template."""
        self._environment = environment(folder, own)
        self._environment.filters["number"] = number
        if own is not None:
            refuse_strangers(own, self._environment, folder)

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """The text of `<name>.j2` with these facts.

        Raises UsageError, with file and line, for a template that is missing, broken, or asks for a fact that is not
        there.
        """
        try:
            return self._environment.get_template(f"{name}.j2").render(facts).strip() + "\n"
        except FAULTS as error:
            raise fault_of(error, f"{name}.j2", self._environment) from None

    @property
    def digest(self) -> str:
        """The sha256 of every template as it is resolved, by name."""
        loader = self._environment.loader or BaseLoader()
        texts = {name: loader.get_source(self._environment, name)[0] for name in loader.list_templates()}
        return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()


def number(value: float) -> str:
    """A figure as prompts show it: at most four decimals, no trailing zeros, thousands apart."""
    return f"{value:,.{DECIMALS}f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
