"""Draws designs from a search space: a walk over its active parameters, top to bottom."""

from collections.abc import Sequence
from typing import Literal, Protocol

from autorec.domain.errors import SpaceError
from autorec.schemas.space import Bool, Choice, Float, Int, Parameter, SearchSpace, Value

SIGNIFICANT_DIGITS = 4


class Chooser(Protocol):
    """Picks a value for one parameter: at random, by Optuna, or by a learned policy."""

    def choose(
        self,
        name: str,
        kind: Literal["float", "int", "categorical"],
        *,
        low: float | None = None,
        high: float | None = None,
        log: bool = False,
        choices: Sequence[Value] = (),
    ) -> Value:
        """A number in [low, high], or one of `choices`."""
        ...


def draw(space: SearchSpace, chooser: Chooser, family: str | None = None) -> dict[str, Value]:
    """A design of the chooser's; `family` is fixed where one is given.

    Raises SpaceError when the chooser leaves the space.
    """
    design: dict[str, Value] = {}
    for name, parameter in space.parameters:
        if not parameter.active(design):
            continue
        value = family if name == "family" and family else _choose(chooser, name, parameter)
        if not parameter.allows(value):
            raise SpaceError(f"{name} was drawn as {value!r}; expected {parameter.expected}")
        design[name] = value
    return design


def _choose(chooser: Chooser, name: str, parameter: Parameter) -> Value:
    match parameter:
        case Choice():
            return chooser.choose(name, "categorical", choices=tuple(parameter.choices))
        case Bool():
            return chooser.choose(name, "categorical", choices=(False, True))
        case Int():
            return chooser.choose(name, "int", low=parameter.low, high=parameter.high, log=parameter.log)
        case Float():
            drawn = chooser.choose(name, "float", low=parameter.low, high=parameter.high, log=parameter.log)
            return min(max(_rounded(float(drawn)), parameter.low), parameter.high)


def _rounded(value: float) -> float:
    """As many digits as a person would write."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
