"""Turns a design into a candidate's files: structure into code, tunables into params.json."""

import json
from pathlib import Path
from typing import Any

from autorec.domain.errors import SpaceError
from autorec.prompting.templates import FAULTS, TemplateFiles, environment, fault_of
from autorec.schemas.space import Bool, Choice, Design, Int, Parameter, SearchSpace, Value


class SpaceCode:
    """The code templates of a search space: those of `folder`, and those of a person's `own` before them."""

    def __init__(self, space: SearchSpace, folder: Path, own: TemplateFiles | None = None) -> None:
        self._space = space
        self._environment = environment(folder, own)

    def render(self, design: Design) -> dict[str, str]:
        """The files of a whole design: path -> text.

        Raises SpaceError, with file and line, for a template that is missing, broken, or asks for what no design has.
        """
        templates = self._space.code[str(design["family"])]
        files = {file: self._render(f"{templates}/{file}.j2", design) for file in ("model.py", "train.py")}
        return files | {"params.json": self._params(design)}

    def _render(self, name: str, design: Design) -> str:
        try:
            return self._environment.get_template(name).render(design)
        except FAULTS as error:
            fault = fault_of(error, name, self._environment)
            raise SpaceError(str(fault), fix=fault.fix) from None

    def _params(self, design: Design) -> str:
        declared = {
            name: _declaration(parameter, design[name])
            for name, parameter in self._space.tunables.items()
            if name in design
        }
        lines = [f"  {json.dumps(name)}: {json.dumps(declaration)}" for name, declaration in declared.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n" if lines else "{}\n"


def _declaration(parameter: Parameter, value: Value) -> dict[str, Any]:
    """One entry of params.json: the range of the space, and the design's value as the default."""
    match parameter:
        case Choice():
            return {"type": "choice", "choices": parameter.choices, "default": value}
        case Bool():
            return {"type": "bool", "default": value}
        case _:
            kind = "int" if isinstance(parameter, Int) else "float"
            bounds = {"low": parameter.low, "high": parameter.high, "log": parameter.log}
            return {"type": kind, **bounds, "default": value}
