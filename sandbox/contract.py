"""What a candidate must provide, read from its files: `build`, `fit` and its declared hyper-parameters."""

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {"float": (int, float), "int": (int,), "bool": (bool,), "choice": (object,)}
ENTRY_POINTS = {"model": "build(data, params) -> recommender", "train": "fit(recommender, data, params, run)"}


class ContractError(Exception):
    """The candidate breaks the contract; the message tells its author what was expected and what came."""


class Stop(BaseException):
    """Ends `fit` from inside `run.checkpoint`: the time is used up, or the training was asked to stop.

    Not an Exception, so that `except Exception` in a training loop lets it pass.
    """


class Params(Mapping[str, Any]):
    """A candidate's hyper-parameters, read-only, as `params.name` or `params["name"]`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_values", dict(values))

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise KeyError(self._undeclared(name))
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(self._undeclared(name))
        return self._values[name]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"params.{name} cannot be set: hyper-parameters are read-only")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Params({self._values})"

    def _undeclared(self, name: str) -> str:
        return f"{name!r} is not declared in params.json; declared: {', '.join(sorted(self._values)) or 'nothing'}"


def load_params(folder: Path, overrides: Mapping[str, Any]) -> Params:
    """Declared defaults, replaced by what the job sets. Raises ContractError."""
    declared = _declared(folder / "params.json")
    unknown = sorted(set(overrides) - set(declared))
    if unknown:
        raise ContractError(f"params.json declares {sorted(declared)}; the job sets {unknown}, which it does not know")
    values = {name: overrides.get(name, entry["default"]) for name, entry in declared.items()}
    for name, entry in declared.items():
        _check_value(name, entry, values[name])
    return Params(values)


def _declared(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        declared = json.loads(file.read_text())
    except json.JSONDecodeError as error:
        raise ContractError(f"params.json is not JSON: {error}") from error
    if not isinstance(declared, dict):
        raise ContractError(f"params.json must be an object of name -> declaration; it is a {type(declared).__name__}")
    for name, entry in declared.items():
        if not isinstance(entry, dict) or entry.get("type") not in TYPES or "default" not in entry:
            raise ContractError(
                f'params.json: {name} must look like {{"type": "float", "low": 0.0, "high": 1.0, "default": 0.1}} '
                f"with a type among {', '.join(TYPES)}; it is {json.dumps(entry)[:200]}"
            )
    return declared


def _check_value(name: str, entry: Mapping[str, Any], value: object) -> None:
    kind = entry["type"]
    is_number_but_bool = kind in ("float", "int") and isinstance(value, bool)
    if is_number_but_bool or not isinstance(value, TYPES[kind]):
        raise ContractError(f"params.json: {name} is declared as {kind}; its value is {value!r}")
    if kind == "choice" and value not in entry.get("choices", ()):
        raise ContractError(f"params.json: {name} must be one of {entry.get('choices')}; its value is {value!r}")


def load_entry_point(module_name: str) -> Callable[..., Any]:
    """`build` of model.py or `fit` of train.py. Raises ContractError, and whatever the module raises on import."""
    signature = ENTRY_POINTS[module_name]
    name = signature.partition("(")[0]
    module = importlib.import_module(module_name)
    found = getattr(module, name, None)
    if not callable(found):
        raise ContractError(f"{module_name}.py must define {signature}; it defines {_names(module)}")
    return found  # type: ignore[no-any-return]


def _names(module: object) -> str:
    return ", ".join(sorted(name for name in vars(module) if not name.startswith("_"))) or "nothing"
