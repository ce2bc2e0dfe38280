"""Controls: questions about judge and split whose right answer is known beforehand."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What was found where something else is expected only if judge or split are wrong.

    `value` is a metric, or a count of rows (`unit` names it); None: the answer was refused. It holds from `low` to
    `high`, both included; None at an end: nothing is demanded there. `of` is the candidate whose answers were judged,
    None where they were made up for the purpose. `expected` says in words what is expected and why.
    """

    name: str
    unit: str
    value: float | None
    low: float | None = None
    high: float | None = None
    held: bool
    expected: str
    of: str | None = None

    @property
    def demanded(self) -> bool:
        """Whether anything is: of what the split allows, rows are only counted."""
        return self.value is None or self.low is not None or self.high is not None


def within(name: str, unit: str, value: float, low: float, high: float, expected: str) -> Control:
    """A control that holds where the value lies from low to high."""
    return Control(name=name, unit=unit, value=value, low=low, high=high, held=low <= value <= high, expected=expected)


def control_line(control: Control) -> str:
    """The control as people read it."""
    found = "refused" if control.value is None else f"{control.unit} {control.value:,.4g}"
    demanded = ""
    if control.low is not None and control.high is not None and control.value is not None:
        exact = control.high - control.low < 1e-6
        demanded = f", expected {control.high:.4g}" if exact else f", expected {control.low:.4g} to {control.high:.4g}"
    verdict = "BROKEN" if not control.held else "held" if control.demanded else "counted only"
    return f"{control.name}: {found}{demanded} ({control.expected}): {verdict}"


def broken(controls: Iterable[Control]) -> tuple[Control, ...]:
    """Those that do not hold."""
    return tuple(control for control in controls if not control.held)


def held_line(controls: Iterable[Control]) -> str:
    """How many of those that demand something hold, and which do not."""
    controls = tuple(control for control in controls if control.demanded)
    wrong = broken(controls)
    told = "".join(f"; {control_line(control)}" for control in wrong)
    return f"{len(controls) - len(wrong)} of {len(controls)} held{told}"
