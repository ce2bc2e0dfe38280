"""What data costs and what the synthetic world is worth: `python benchmarks/data.py`.

Loading and splitting are timed on a made-up log (a million rows), and on MovieLens 100K where AUTOREC_DATA has it.
The synthetic world is judged by three closed-form recommenders: popularity, EASE (Steck, WWW 2019) and EASE with
a recency-decayed query.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.datasets import Dataset
from autorec.tasks.holdouts import Holdout, ground
from autorec.tasks.parts import HOLDOUTS, rows_of
from autorec.tasks.readers import load
from autorec.tasks.splits import Split, split
from autorec.tasks.synthetic import SyntheticWorld, generate

Result = TypeVar("Result")


def timed(what: str, work: Callable[[], Result]) -> Result:
    begin, cpu_before = time.perf_counter(), time.process_time()
    result = work()
    elapsed, cpu = time.perf_counter() - begin, time.process_time() - cpu_before
    print(f"{what:<42} {elapsed:6.2f} s, {cpu:6.2f} s of CPU")
    return result


def write_log(path: Path, n: int) -> None:
    rng = np.random.default_rng(0)
    users, items = rng.integers(n // 20, size=n), (rng.pareto(1.2, n) * 50).astype(np.int64) % 20_000
    times = rng.integers(1_500_000_000, 1_700_000_000, n)
    rows = zip(users.tolist(), items.tolist(), times.tolist(), strict=True)
    path.write_text("user_id,item_id,timestamp\n" + "\n".join(f"{u},{i},{t}" for u, i, t in rows) + "\n")


def load_and_split(path: Path, rule: str) -> Split:
    return split(load(path), rule)


def ease(dataset: Dataset, rows: np.ndarray, strength: float) -> np.ndarray:
    """Item weights [n_items, n_items]: 1 - P / diag(P), P the inverse of the regularised Gram matrix."""
    x = np.zeros((dataset.n_users, dataset.n_items), dtype=np.float32)
    x[dataset.users[rows], dataset.items[rows]] = 1
    p = np.linalg.inv(x.T @ x + strength * np.eye(dataset.n_items, dtype=np.float32))
    weights = -p / np.diag(p)
    np.fill_diagonal(weights, 0)
    return weights


def query(dataset: Dataset, rows: np.ndarray, half_life: float | None) -> np.ndarray:
    """History as a vector [n_users, n_items]: ones, or halved each `half_life` items back from the last."""
    history = np.zeros((dataset.n_users, dataset.n_items), dtype=np.float32)
    users = dataset.users[rows]
    ends = np.cumsum(np.bincount(users, minlength=dataset.n_users))
    age = ends[users] - 1 - np.arange(len(users))
    history[users, dataset.items[rows]] = 1 if half_life is None else 0.5 ** (age / half_life)
    return history


def ndcg(scores: np.ndarray, truth: Holdout, k: int = 10) -> float:
    """Mean binary NDCG@k over warm users, seen items masked, ideal over min(relevant, k)."""
    gains = 1 / np.log2(np.arange(2, k + 2))
    total = []
    for row, user in enumerate(truth.users):
        if not truth.warm[row]:
            continue
        own = scores[user].copy()
        own[truth.seen_items[truth.seen_indptr[row] : truth.seen_indptr[row + 1]]] = -np.inf
        top = np.argpartition(-own, k)[:k]
        top = top[np.argsort(-own[top])]
        relevant = truth.items[truth.indptr[row] : truth.indptr[row + 1]]
        total.append(gains[np.isin(top, relevant)].sum() / gains[: len(relevant)].sum())
    return float(np.mean(total))


def measure(dataset: Dataset, cut: Split, part: Part, trained_on: tuple[Part, ...]) -> dict[str, float]:
    rows = np.flatnonzero(rows_of(cut.part, *trained_on))
    history = np.flatnonzero(rows_of(cut.part, *HISTORY_OF[part]))
    truth = ground(dataset, cut, part)
    popularity = np.bincount(dataset.items[rows], minlength=dataset.n_items).astype(np.float32)
    found = {"pop": ndcg(np.tile(popularity, (dataset.n_users, 1)), truth)}
    for strength in (50, 200, 500):
        weights = ease(dataset, rows, strength)
        found[f"ease {strength}"] = ndcg(query(dataset, history, None) @ weights, truth)
        for half_life in (2, 5, 15):
            found[f"ease {strength}, half-life {half_life}"] = ndcg(query(dataset, history, half_life) @ weights, truth)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the made-up log")
    parser.add_argument("--users", type=int, default=SyntheticWorld.n_users, help="users of the synthetic world")
    args = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        write_log(path, args.rows)
        timed(f"load {args.rows:,} rows of CSV", lambda: load(path))
        for rule in ("temporal", "loo", "ratio"):
            timed(f"load and split them, {rule}", lambda rule=rule: load_and_split(path, rule))
    real = os.environ.get("AUTOREC_DATA")
    if real:
        timed("load and split ml-100k/loo", lambda: load_and_split(Path(real) / "ml-100k" / "loo", "given"))
        timed("load and split ml-100k/ml-100k.inter", lambda: load_and_split(Path(real) / "ml-100k", "auto"))
    dataset = timed("generate the synthetic world", lambda: generate(SyntheticWorld(n_users=args.users))).dataset
    print(f"{dataset.n_users} users, {dataset.n_items} items, {dataset.n_interactions} rows")
    for rule in ("auto", "loo"):
        cut = split(dataset, rule)
        print(cut.manifest())
        for part in HOLDOUTS:
            truth = ground(dataset, cut, part)
            figures = ", ".join(f"{k} {v:.4f}" for k, v in measure(dataset, cut, part, HISTORY_OF[part]).items())
            print(f"{part.value} ({truth.warm.sum()} warm, {(~truth.warm).sum()} cold users): {figures}")


if __name__ == "__main__":
    main()
