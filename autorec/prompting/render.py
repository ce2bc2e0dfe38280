"""Renders the templates of `prompts/`: plain data that a person can read, change and compare."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autorec.prompting.templates import FAULTS, TemplateFiles, environment, fault_of, refuse_strangers

DECIMALS = 4


class Templates:
    """The prompts in one folder, or as they were read, those of a person's own before them.

    A fact that a template asks for and nobody gives is an error, never a blank.
    """

    def __init__(self, builtin: Path | TemplateFiles, own: TemplateFiles | None = None) -> None:
        """Raises UsageError for a file of `own` that nothing would ever render, or that is no template."""
        self._environment = environment(builtin, own)
        self._environment.filters |= {"number": number, "percent": percent}
        if own is not None:
            refuse_strangers(own, self._environment, builtin)

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """The text of `<name>.j2` with these facts.

        Raises UsageError, with file and line, for a template that is missing, broken, or asks for a fact that is not
        there.
        """
        try:
            return self._environment.get_template(f"{name}.j2").render(facts).strip() + "\n"
        except FAULTS as error:
            raise fault_of(error, f"{name}.j2", self._environment) from None


def number(value: float) -> str:
    """A figure as prompts show it: at most four decimals, no trailing zeros, thousands apart."""
    return f"{value:,.{DECIMALS}f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def percent(share: float) -> str:
    """A share from 0 to 1 as prompts show it, with three digits."""
    return f"{100 * share:.3g} %"
