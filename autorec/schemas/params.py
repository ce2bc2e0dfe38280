"""`params.json`: the hyper-parameters that a candidate declares.

    {"lr": {"type": "float", "low": 1e-4, "high": 1e-1, "log": true, "default": 1e-3},
     "layers": {"type": "int", "low": 1, "high": 4, "default": 2},
     "tied": {"type": "bool", "default": true},
     "pool": {"type": "choice", "choices": ["last", "mean"], "default": "last"}}

`build` and `fit` receive name -> value, the defaults unless a study tunes them.
"""

import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from autorec.domain.errors import UsageError
from autorec.schemas.complaint import complaint, where

MOST_PARAMS = 64
Value = bool | int | float | str


class Param(BaseModel):
    """What all kinds share: no unknown keys, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FloatParam(Param):
    """A real number in [low, high]; `log` where orders of magnitude matter."""

    type: Literal["float"]
    low: float
    high: float
    log: bool = False
    default: float

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        _check_range(self)
        return self


class IntParam(Param):
    """A whole number in [low, high]."""

    type: Literal["int"]
    low: int
    high: int
    log: bool = False
    default: int

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        _check_range(self)
        return self


class BoolParam(Param):
    """A switch."""

    type: Literal["bool"]
    default: bool


class ChoiceParam(Param):
    """One of a few values."""

    type: Literal["choice"]
    choices: tuple[Value, ...] = Field(min_length=1, max_length=64)
    default: Value

    @model_validator(mode="after")
    def _among(self) -> Self:
        if self.default not in self.choices:
            raise ValueError(f"default {self.default!r} is not among the choices {list(self.choices)}")
        return self


AnyParam = Annotated[FloatParam | IntParam | BoolParam | ChoiceParam, Field(discriminator="type")]
Params = dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")], AnyParam]
_PARAMS: TypeAdapter[Params] = TypeAdapter(Annotated[Params, Field(max_length=MOST_PARAMS)])


def read_params(text: str) -> Params:
    """Parse the text of a `params.json`.

    Raises UsageError that names each wrong key.
    """
    try:
        return _PARAMS.validate_python(json.loads(text))
    except json.JSONDecodeError as error:
        raise UsageError(f"params.json: line {error.lineno} is no JSON: {error.msg}") from None
    except RecursionError:
        raise UsageError("params.json: nested too deeply") from None
    except ValidationError as error:
        raise UsageError(
            "params.json: " + "; ".join(f"{where(e) or 'top level'}: {complaint(e)}" for e in error.errors())
        ) from None
    except ValueError as error:  # a whole number of thousands of digits
        raise UsageError(f"params.json: {error}") from None


def default_values(params: Params) -> dict[str, Value]:
    """Name -> default, what `build` and `fit` receive when nothing is tuned."""
    return {name: param.default for name, param in params.items()}


def _check_range(param: FloatParam | IntParam) -> None:
    if not param.low <= param.default <= param.high:
        raise ValueError(f"default {param.default} is outside [{param.low}, {param.high}]")
    if param.log and param.low <= 0:
        raise ValueError(f"log needs low above 0, not {param.low}")
