"""What the designs of `search_spaces/retrieval.yaml` reach on a log, trained in this process, without a sandbox.

    python benchmarks/retrieval_designs.py $AUTOREC_DATA/ml-100k/loo --seconds 60 --designs ease_recency blend

A design is a named one, a family (its defaults), or `random:N` for the N-th random draw. Without a log
the synthetic world is taken. Trained on train, the checkpoint chosen on select, judged on confirm with train and
select known: the finalists' stage of a run. The test is not looked at, for people choose by these figures. Seconds
are of processor time, so that other work on the machine does not count.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from autorec.domain.job import Part, Stage
from autorec.judging.ground import Marker
from autorec.judging.metrics import ndcg_at
from autorec.proposers.space_code import SpaceCode
from autorec.proposers.space_walk import draw
from autorec.schemas.params import default_values, read_params
from autorec.schemas.space import Design, SearchSpace, load_space
from autorec.selection.choosers import random_chooser
from autorec.tasks.bundle import Permutation, write_query, write_training
from autorec.tasks.holdouts import ground
from autorec.tasks.readers import load
from autorec.tasks.splits import split
from autorec.tasks.synthetic import SyntheticWorld, generate

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "sandbox"))

import reckit  # noqa: E402  (what candidates import stands in the sandbox folder)
from contract import Params, Stop  # noqa: E402
from harness import Run  # noqa: E402

K = 10
VALIDATIONS = 20
SPACES = ROOT / "search_spaces"


class Judged:
    """A part as the sandbox would see it and as the judge scores it."""

    def __init__(self, dataset: Any, given: Any, permutation: Permutation, part: Part, folder: Path) -> None:
        write_query(dataset, given, permutation, part, folder, {"answer": "lists", "k": 3})
        self._history = reckit.open_history(folder, dataset.n_items)
        holdout = ground(dataset, given, part)
        self._relevant = Marker(holdout.indptr, holdout.items, dataset.n_items)
        self._n_relevant = np.diff(holdout.indptr)
        self._warm = holdout.warm

    def ndcg(self, recommender: Any) -> float:
        """NDCG@10, mean over the part's warm users."""
        generator = torch.Generator().manual_seed(0)
        training = recommender.training
        recommender.eval()
        with torch.no_grad():
            lists = [
                reckit.masked_topk(recommender.score(self._history, users), self._history, users, K, generator)
                for users in self._history.asked.split(512)
            ]
        recommender.train(training)
        hits = self._relevant.mark(torch.cat(lists).int().numpy())
        return float(ndcg_at(hits, self._n_relevant, K)[self._warm].mean())


class BestState:
    """Keeps the state of the best checkpoint, as the trusted side does."""

    def __init__(self, select: Judged) -> None:
        self._select = select
        self.value = -1.0
        self.state: dict[str, torch.Tensor] = {}

    def validate(self, recommender: Any) -> bool:
        """Never asks to stop."""
        value = self._select.ndcg(recommender)
        if value > self.value:
            self.value = value
            self.state = {name: tensor.clone() for name, tensor in recommender.state_dict().items()}
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="a log; none: the synthetic world")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--designs", nargs="+", default=["pop", "itemknn", "ease", "ease_recency", "sasrec", "blend"])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    space = load_space(SPACES / "retrieval.yaml")
    code = SpaceCode(space, SPACES)
    print(f"machine  {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, one thread")
    with tempfile.TemporaryDirectory() as folder:
        data, select, confirm = bundles(args.data, Path(folder))
        print(f"{'design':16} {'select':>8} {'confirm':>8} {'train s':>8}   ndcg@{K}")
        for name in args.designs:
            design = designed(space, name)
            best, seconds, recommender = trained(code.render(design), data, select, args.seconds, args.seed)
            print(
                f"{name:16} {best:8.4f} {confirm.ndcg(recommender):8.4f} {seconds:8.1f}   {json.dumps(design)}",
                flush=True,
            )


def bundles(path: Path | None, folder: Path) -> tuple[reckit.Data, Judged, Judged]:
    """The training data of the search, and the two parts that it judges on."""
    dataset = load(path) if path else generate(SyntheticWorld()).dataset
    given = split(dataset)
    permutation = Permutation(  # the identity: lists come out in the data set's own codes
        users=np.arange(dataset.n_users, dtype=np.int32), items=np.arange(dataset.n_items, dtype=np.int32)
    )
    write_training(dataset, given, permutation, Stage.FINALIST.trained_on, folder / "data")
    select, confirm = (
        Judged(dataset, given, permutation, part, folder / part.value) for part in (Part.SELECT, Part.CONFIRM)
    )
    return reckit.open_data(folder / "data"), select, confirm


def designed(space: SearchSpace, name: str) -> Design:
    if name.startswith("random:"):
        return draw(space, random_chooser(int(name.removeprefix("random:"))))
    return space.named(name) if name in space.designs else space.complete({"family": name})


def trained(
    files: dict[str, str], data: reckit.Data, select: Judged, seconds: float, seed: int
) -> tuple[float, float, Any]:
    """The best value on select, seconds of training, and the recommender with its best state."""
    torch.manual_seed(seed)
    params = Params(default_values(read_params(files["params.json"])))
    recommender = module("model", files["model.py"]).build(data, params)
    best = BestState(select)
    run = Run(validate=best.validate, training_s=seconds, validations=VALIDATIONS, seed=seed, clock=time.process_time)
    run.log = lambda **values: None
    began = time.process_time()
    with suppress(Stop):
        module("train", files["train.py"]).fit(recommender, data, params, run)
    run.finish(recommender)
    recommender.load_state_dict(best.state)
    return best.value, time.process_time() - began, recommender


def module(name: str, text: str) -> ModuleType:
    made = ModuleType(name)
    exec(compile(text, f"{name}.py", "exec"), made.__dict__)
    return made


if __name__ == "__main__":
    main()
