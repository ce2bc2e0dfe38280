"""What a log of many rows costs: `python benchmarks/large_data.py [--rows 20000000] [--csv]`.

Writes a made-up log as Parquet (seeded; 200,000 users and 30,000 items, both skewed), then loads it, splits it and
writes its bundles in a process of its own, and says seconds and peak memory after each step. At last eight processes
map the training bundle and touch all of it, against one: the sum of their PSS shows that they share it.
"""

import argparse
import multiprocessing
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")
MEBI = 2**20
N_USERS, N_ITEMS = 200_000, 30_000
WORKERS = 8


def write_log(path: Path, rows: int) -> None:
    """Users and items skewed, times over ten years, ratings from 1 to 5."""
    import duckdb

    rng = np.random.default_rng(0)
    log = {
        "user_id": (rng.random(rows) ** 2 * N_USERS).astype(np.int64),
        "item_id": (rng.random(rows) ** 3 * N_ITEMS).astype(np.int64),
        "timestamp": rng.integers(1_400_000_000, 1_700_000_000, rows),
        "rating": rng.integers(1, 6, rows).astype(np.float32),
    }
    with duckdb.connect() as con:
        con.register("log", log)
        kind = "parquet" if path.suffix == ".parquet" else "csv, header"
        con.execute(f"COPY (SELECT * FROM log) TO '{path}' (FORMAT {kind})")


def in_its_own_process(work: Callable[..., None], *arguments: object) -> None:
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)


def timed(what: str, work: Callable[[], Result]) -> Result:
    begin, cpu = time.perf_counter(), time.process_time()
    result = work()
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEBI
    print(f"{what:<44} {seconds:7.1f} s, {cpu:6.1f} s of CPU, peak {peak:6.0f} MiB", flush=True)
    return result


def load_split_write(path: Path, target: Path) -> None:
    from autorec.domain.job import HISTORY_OF, Part
    from autorec.tasks.bundle import Permutation, write_query, write_training
    from autorec.tasks.parts import HOLDOUTS
    from autorec.tasks.readers import load
    from autorec.tasks.splits import split

    begin = time.perf_counter()
    dataset = timed(f"load {path.name}", lambda: load(path))
    cut = timed("split, auto", lambda: split(dataset))
    print(
        f"{'load and split':<44} {time.perf_counter() - begin:7.1f} s   ({cut.rule}, {dataset.n_interactions:,} rows)"
    )
    permutation = Permutation.of(b"benchmark", dataset.n_users, dataset.n_items)
    train = HISTORY_OF[Part.SELECT]
    timed("write the training bundle", partial(write_training, dataset, cut, permutation, train, target / "data"))
    answer = {"answer": "lists", "k": 100}
    for part in HOLDOUTS:
        folder = target / f"query-{part}"
        timed(f"write the query of {part}", partial(write_query, dataset, cut, permutation, part, folder, answer))


def pss_bytes() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def touch_bundle(folder: Path, barrier: object, answers: object) -> None:
    """Map as a worker does, read every byte, use a few batches, then say how much more memory this process has."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "sandbox"))
    import reckit
    import torch

    torch.set_num_threads(1)
    before = pss_bytes()
    data = reckit.open_data(folder)
    for tensor in (data.indptr, data.items, data.timestamps, data.values):
        tensor.sum()
    barrier.wait()
    mapped = pss_bytes() - before
    barrier.wait()
    users = torch.randint(data.n_users, (1024,), generator=torch.Generator().manual_seed(0))
    data.sequences(50, users)
    data.csr(users)
    barrier.wait()
    answers.put((mapped, pss_bytes() - before))
    barrier.wait()


def measure_sharing(folder: Path, workers: int) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(workers), context.Queue()
    processes = [context.Process(target=touch_bundle, args=(folder, barrier, answers)) for _ in range(workers)]
    for process in processes:
        process.start()
    found = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    mapped, used = (sum(column) / MEBI for column in zip(*found, strict=True))
    print(f"{workers} processes: PSS grows by {mapped:6.0f} MiB in all on mapping, {used:6.0f} MiB after batches")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--csv", action="store_true", help="as CSV instead of Parquet")
    asked = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / ("log.csv" if asked.csv else "log.parquet")
        in_its_own_process(write_log, path, asked.rows)
        print(f"{asked.rows:,} rows, {path.stat().st_size / MEBI:.0f} MiB of {path.suffix[1:]}")
        in_its_own_process(load_split_write, path, folder)
        size = sum(file.stat().st_size for file in (folder / "data").iterdir()) / MEBI
        print(f"training bundle: {size:.0f} MiB")
        for workers in (1, WORKERS):
            measure_sharing(folder / "data", workers)


if __name__ == "__main__":
    main()
