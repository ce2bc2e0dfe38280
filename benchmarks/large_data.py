"""What many rows cost: `python benchmarks/large_data.py [--role ranking] [--rows 20000000] [--csv] [--workers 8]`.

Writes a made-up log as Parquet (seeded; 200,000 users and 30,000 items, both skewed), then loads it, splits it and
writes its bundles in a process of its own, and says seconds and peak memory after each step. At last several processes
map the training bundle and touch all of it, against one: the sum of their PSS shows that they share it.

For ranking the rows are like Criteo's: a label, 13 numbers and 26 categories, skewed, as many values as theirs has.
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
CRITEO_NUMBERS = 13
CRITEO_VALUES = [
    *(1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194),
    *(27, 14992, 5461306, 10, 5652, 2173, 4, 7046547, 18, 15, 286181, 105, 142572),
]
"""Distinct values of C1 to C26 in the 46 million rows of Kaggle's Criteo data."""


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


def write_rows(path: Path, rows: int) -> None:
    """A fifth of the numbers and a twentieth of the categories missing; a quarter of the rows clicked."""
    import duckdb

    numbers = (
        f"CASE WHEN random() > 0.2 THEN CAST(exp(6 * random() * random()) * 3 AS INTEGER) - 4 END AS I{i + 1}"
        for i in range(CRITEO_NUMBERS)
    )
    categories = (
        f"CASE WHEN random() > 0.05 THEN printf('%08x', CAST(hash({i}00000000::BIGINT + "
        f"CAST(floor({values} * pow(random(), 4)) AS BIGINT)) % 4294967296 AS BIGINT)) END AS C{i + 1}"
        for i, values in enumerate(CRITEO_VALUES)
    )
    columns = ", ".join(("CAST(random() < 0.25 AS INTEGER) AS label", *numbers, *categories))
    with duckdb.connect() as con:
        con.execute("SELECT setseed(0.5)")
        kind = "parquet" if path.suffix == ".parquet" else "csv, header"
        con.execute(f"COPY (SELECT {columns} FROM range({rows})) TO '{path}' (FORMAT {kind})")


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


def load_split_write_rows(path: Path, target: Path) -> None:
    from autorec.domain.job import HISTORY_OF, Part
    from autorec.tasks.parts import HOLDOUTS, rows_of
    from autorec.tasks.ranking.bundle import write_query, write_training
    from autorec.tasks.ranking.describe import describe
    from autorec.tasks.ranking.readers import load
    from autorec.tasks.ranking.splits import split
    from autorec.tasks.ranking.vocabulary import learn

    begin, secret = time.perf_counter(), b"benchmark"
    rows = timed(f"load {path.name}", lambda: load(path, {}))
    cut = timed("digest and split, auto", lambda: split(rows))
    train = rows_of(cut.part, Part.TRAIN)
    known = timed("learn vocabularies", lambda: [learn(field, train) for field in rows.fields])
    timed("write the training bundle", lambda: write_training(
        rows, cut, known, secret, HISTORY_OF[Part.SELECT], target / "data"))  # fmt: skip
    answer = {"answer": "probabilities"}
    for part in HOLDOUTS:
        folder = target / f"query-{part}"
        timed(f"write the query of {part}", partial(write_query, rows, cut, known, secret, part, folder, answer))
    print(f"{'load, split and bundle':<44} {time.perf_counter() - begin:7.1f} s   ({cut.rule}, {len(rows):,} rows)")
    timed("describe", lambda: describe(rows, cut, known))


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
    is_rows = isinstance(data, reckit.Rows)
    names = ("numeric", "categorical", "labels") if is_rows else ("indptr", "items", "timestamps", "values")
    for name in names:
        getattr(data, name).sum()
    barrier.wait()
    mapped = pss_bytes() - before
    barrier.wait()
    generator = torch.Generator().manual_seed(0)
    if is_rows:
        data.take(torch.randint(len(data), (1024,), generator=generator))
    else:
        users = torch.randint(data.n_users, (1024,), generator=generator)
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
    parser.add_argument("--role", choices=("retrieval", "ranking"), default="retrieval")
    parser.add_argument("--rows", type=int, help="20,000,000 for retrieval, 10,000,000 for ranking")
    parser.add_argument("--csv", action="store_true", help="as CSV instead of Parquet")
    parser.add_argument("--workers", type=int, default=8, help="processes that map the bundle at once")
    asked = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / ("log.csv" if asked.csv else "log.parquet")
        write, measure, rows = {
            "retrieval": (write_log, load_split_write, asked.rows or 20_000_000),
            "ranking": (write_rows, load_split_write_rows, asked.rows or 10_000_000),
        }[asked.role]
        in_its_own_process(write, path, rows)
        print(f"{rows:,} rows, {path.stat().st_size / MEBI:.0f} MiB of {path.suffix[1:]}")
        in_its_own_process(measure, path, folder)
        size = sum(file.stat().st_size for file in (folder / "data").iterdir()) / MEBI
        print(f"training bundle: {size:.0f} MiB")
        for workers in (1, asked.workers):
            measure_sharing(folder / "data", workers)


if __name__ == "__main__":
    main()
