"""The code of an export, importable for a while: what stands around a model, with a small model in it."""

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from autorec.assets import assets
from autorec.exporting.code import lay_out_code

MODEL = """
import torch
from torch import nn


class Counts(nn.Module):
    def __init__(self, n_items):
        super().__init__()
        self.register_buffer("counts", torch.zeros(n_items))

    def score(self, history, users):
        return self.counts.expand(len(users), -1)


def build(data, params):
    return Counts(data.n_items)
"""
TRAIN = """
def fit(recommender, data, params, run):
    recommender.counts.copy_(data.item_counts * params.scale)
    run.checkpoint(recommender)
"""
FILES = {"model.py": MODEL, "train.py": TRAIN, "params.json": '{"scale": {"type": "float", "default": 2.0}}'}
OURS = ("recommender", "model", "train")


@contextmanager
def imported(folder: Path, role: str = "retrieval", files: Mapping[str, str] = FILES) -> Iterator[ModuleType]:
    """The package `recommender` of an export made in `folder`; afterwards no trace of it is left in this process."""
    lay_out_code(
        folder,
        role=role,
        files=files,
        templates=assets("export"),
        reckit=assets("sandbox") / "reckit",
        environment={"python": "3.11.7", "torch": "2.13.0+cpu"},
    )
    path, hidden = list(sys.path), {name: sys.modules.pop(name) for name in _loaded(OURS)}
    known = set(_loaded(("reckit",)))
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("recommender")
    finally:
        sys.path[:] = path
        for name in {*_loaded(OURS), *(set(_loaded(("reckit",))) - known)}:
            del sys.modules[name]
        sys.modules.update(hidden)


def _loaded(packages: tuple[str, ...]) -> list[str]:
    return [name for name in sys.modules if name.split(".")[0] in packages]
