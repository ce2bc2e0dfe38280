"""A folder of what was trained: `trained/` of the export, and what `train --out` writes.

about.json            role, sizes, seeds, what the weights are, what there is beside them
weights.safetensors   the state of the model
users.csv, ...        raw ids and the numbers by which the model knows them
data/                 what the model was built on, as `reckit.open_data` reads it
query/, judged.npy    what was asked when it was judged, and what it answered, where that came along (see `verify`)
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import reckit
import safetensors.torch

from recommender.runtime import code
from recommender.runtime.ids import Ids
from recommender.runtime.refusal import Refusal

FORMAT = 1


@dataclass(frozen=True)
class Trained:
    """One such folder, opened; nothing large is read before it is asked for."""

    path: Path
    about: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> "Trained":
        file = path / "about.json"
        if not file.is_file():
            raise Refusal(
                f"{path} holds no trained model: there is no about.json in it",
                "name the folder that `python -m recommender train --out` wrote, or leave --model out",
            )
        about = json.loads(file.read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise Refusal(f"{path} is of format {about['format']}; expected {FORMAT}", "export the model again")
        return cls(path, about)

    def ids(self, kind: str) -> Ids:
        return Ids.read(self.path / f"{kind}s.csv", kind)

    def data(self) -> Any:
        return reckit.open_data(self.path / "data")

    def judged(self) -> np.ndarray:
        """What was kept of the judged answers. Raises Refusal where there are none."""
        file = self.path / "judged.npy"
        if not file.is_file():
            raise Refusal(
                f"{self.path} has nothing that was judged: it was trained here, or exported without its rows",
                "export it once more without --no-history (autorec export RUN CANDIDATE DIR), and verify that folder",
            )
        return np.load(file)

    def model(self, data: reckit.Data) -> Any:
        """Built on `data`, with the trained weights."""
        code.seed_everything(self.about["seed"])
        model = code.build(data)
        model.load_state_dict(safetensors.torch.load_file(self.path / "weights.safetensors"))
        return model
