"""Training again: what is the same for models of all roles."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import safetensors.torch

from recommender.runtime import code
from recommender.runtime.clock import Run, Stop
from recommender.runtime.folder import FORMAT, Trained
from recommender.runtime.refusal import Refusal


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that takes the name `out` when the block ends well, and is removed otherwise."""
    if out.exists():
        raise Refusal(f"{out} exists already", "name a folder that does not: --out FOLDER")
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def learn(
    data: Any, validate: Callable[[Any], float], folder: Path, *, exported: Trained, seconds: float, seed: int
) -> tuple[float, Mapping[str, Any]]:
    """Build on `data`, fit, and write the weights that `validate` finds best (higher is better) to `folder`.

    Returns the value of these, and what `about.json` is to say of the training.
    """
    code.seed_everything(seed)
    model = code.build(data)
    run = Run(validate=validate, seconds=seconds, seed=seed)
    with suppress(Stop):
        code.fit(model, data, run)
    run.finish(model)
    safetensors.torch.save_file(run.best, folder / "weights.safetensors")
    told = ("role", "threads")
    about = {"format": FORMAT, "seed": seed, "ties_seed": seed, "training_s": seconds}
    return run.best_value, about | {name: exported.about[name] for name in told}


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    (folder / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
