"""Turns a design into a candidate's files: structure into code, tunables into params.json."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autorec.schemas.space import Bool, Choice, Design, Int, Parameter, SearchSpace, Value


class SpaceCode:
    """The code templates of a search space; `folder` is where its YAML file stands."""

    def __init__(self, space: SearchSpace, folder: Path) -> None:
        self._space = space
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
        )

    def render(self, design: Design) -> dict[str, str]:
        """The files of a whole design: path -> text."""
        templates = self._space.code[str(design["family"])]
        files = {
            file: self._environment.get_template(f"{templates}/{file}.j2").render(design)
            for file in ("model.py", "train.py")
        }
        return files | {"params.json": self._params(design)}

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
