"""The model's own code: `build` of model.py, `fit` of train.py, and the hyper-parameters of params.json."""

import importlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from recommender import HERE
from recommender.runtime.refusal import Refusal


class Params(Mapping[str, Any]):
    """Hyper-parameters by name, as `params.name` or `params["name"]`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"params.json declares no {name!r}")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def params() -> Params:
    """What params.json declares, each at its default: edit the file to change one."""
    file = HERE / "params.json"
    declared = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return Params({name: entry["default"] for name, entry in declared.items()})


def build(data: Any) -> Any:
    """The architecture, untrained."""
    return _function("model", "build")(data, params())


def fit(recommender: Any, data: Any, run: Any) -> None:
    """The training script."""
    _function("train", "fit")(recommender, data, params(), run)


def _function(module: str, name: str) -> Callable[..., Any]:
    found = importlib.import_module(module)
    if found.__file__ != str(HERE / f"{module}.py"):
        raise Refusal(
            f"this process has imported another module called {module!r}, from {found.__file__}",
            "use the recommender from a process of its own, or rename the other module",
        )
    return getattr(found, name)  # type: ignore[no-any-return]


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
