"""A click model taken away: rows of a synthetic world in a file, and what an export of a model on them holds."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np
import safetensors.numpy
from exported import imported

from autorec.domain.job import Part, Stage
from autorec.schemas.config import SearchConfig
from autorec.tasks.ranking.role import Clicks, load
from autorec.tasks.ranking.world import ClickWorld, generate, write_csv

SECRET = b"secret"
MODEL = """
import torch
from torch import nn


class Linear(nn.Module):
    def __init__(self, data):
        super().__init__()
        sizes = torch.tensor(data.n_codes)
        self.register_buffer("offsets", sizes.cumsum(0) - sizes)
        self.register_buffer("mean", data.numeric.nanmean(0).nan_to_num())
        self.table = nn.Embedding(int(sizes.sum()), 1)
        self.numbers = nn.Parameter(torch.randn(data.n_numeric) * 0.01)
        self.users = nn.Embedding(data.n_users, 1) if data.n_users else None
        for each in (self.table, self.users):
            if each is not None:
                nn.init.zeros_(each.weight)
        self.bias = nn.Parameter(data.labels.mean().logit())

    def score_pairs(self, rows):
        numbers = (rows.numeric - self.mean).nan_to_num().clamp(-10, 10) @ self.numbers
        logits = self.bias + numbers + self.table(rows.categorical + self.offsets).sum((1, 2))
        if self.users is not None:
            logits = logits + self.users(rows.users)[:, 0]
        if rows.timestamps is not None:
            logits = logits + (rows.timestamps % 7).float() * 0.01
        return logits.sigmoid()


def build(data, params):
    return Linear(data)
"""
TRAIN = """
import torch


def fit(recommender, data, params, run):
    optimizer = torch.optim.Adam(recommender.parameters(), lr=0.05)
    generator = torch.Generator().manual_seed(run.seed)
    for _ in range(params.epochs):
        for rows in data.batches(256, generator):
            loss = torch.nn.functional.binary_cross_entropy(recommender.score_pairs(rows), rows.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        run.checkpoint(recommender)
"""
FILES = {"model.py": MODEL, "train.py": TRAIN, "params.json": '{"epochs": {"type": "int", "default": 5}}'}


def write_world(file: Path, n_rows: int = 1500) -> Path:
    """A headed CSV with a label, a time, numbers, categories and users; some values are missing."""
    write_csv(generate(ClickWorld(n_users=60, n_items=30, n_rows=n_rows, n_brands=8)).rows, file)
    return file


def write_criteo(file: Path, n_rows: int = 800) -> Path:
    """Rows of the Criteo layout. The second number is always 1 and so tells nothing; a few values are frequent."""
    draw = np.random.default_rng(3)
    numbers = draw.integers(0, 50, (n_rows, 13)).astype(str)
    numbers[draw.random((n_rows, 13)) < 0.2] = ""
    numbers[:, 1] = "1"
    categories = np.char.mod("%08x", (draw.random((n_rows, 26)) ** 4 * 40).astype(int))
    labels = draw.integers(0, 2, (n_rows, 1)).astype(str)
    lines = ("\t".join(row) for row in np.hstack((labels, numbers, categories)))
    file.write_text("\n".join(lines) + "\n")
    return file


def material(data: Path, columns: Mapping[str, str] | None = None) -> Clicks:
    return load(SearchConfig(role="ranking", data=data, columns=dict(columns or {})))


@contextmanager
def taken_away(folder: Path, clicks: Clicks, *, with_history: bool = True) -> Iterator[ModuleType]:
    """The package of an export in `folder`, importable for a while, with weights that a training could have given.

    What it was judged on is the test; its judged predictions are made by the harness of the sandbox.
    """
    import torch
    from reckit import open_data
    from scores import probabilities

    bundle = folder.parent / "bundle"
    clicks.write_training(SECRET, Stage.FINAL.trained_on, bundle / "data")
    clicks.write_query(SECRET, Part.TEST, bundle / "query")
    namespace: dict[str, object] = {}
    exec(MODEL, namespace)
    data = open_data(bundle / "data")
    model = namespace["build"](data, None)  # type: ignore[operator]
    torch.manual_seed(5)
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    answered = probabilities(model, _query(bundle / "query", data))
    state = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    with imported(folder, "ranking", FILES) as package:
        trained = folder / "trained"
        trained.mkdir()
        predictions = _stored(clicks, answered) if with_history else None
        told = clicks.write_trained(SECRET, trained, stage=Stage.FINAL, predictions=predictions)
        (trained / "weights.safetensors").write_bytes(safetensors.numpy.save(state))
        about = {"format": 1, "role": "ranking", "seed": 0, "ties_seed": 0, "training_s": 1.0, "threads": 1, **told}
        (trained / "about.json").write_text(json.dumps(about))
        yield package


def stored(clicks: Clicks, folder: Path) -> str:
    """The run's `predictions.csv`."""
    judged, numbers = np.load(folder / "trained/judged.npy"), np.load(folder / "trained/judged_rows.npy")
    return clicks.as_csv(Part.TEST, _npy(judged[np.argsort(numbers)]))


def _stored(clicks: Clicks, answered: np.ndarray) -> bytes:
    """As the judge keeps them: in the order of the data."""
    scores = np.empty_like(answered)
    scores[clicks.key(SECRET)["truth"](Part.TEST).asked] = answered
    return _npy(scores)


def _query(folder: Path, data: object) -> object:
    from reckit import open_rows

    return open_rows(folder, like=data)  # type: ignore[arg-type]


def _npy(array: np.ndarray) -> bytes:
    out = BytesIO()
    np.save(out, array)
    return out.getvalue()
