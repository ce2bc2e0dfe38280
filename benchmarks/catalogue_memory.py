"""What the item-to-item designs need at a large catalogue: `python benchmarks/catalogue_memory.py [--items 20000]`.

Writes a made-up log (seeded; popular items more often), trains each design on it in the sandbox under the memory limit
that a search has by default, and says how it ended, its peak memory, measured from outside, and the size of its state.
"""

import argparse
import os
import platform
import tempfile
from pathlib import Path

from autorec.assets import assets
from autorec.domain.candidate import Candidate
from autorec.domain.job import MEBIBYTE, Job, JobKind, Limits, Snapshot
from autorec.execution.bubblewrap import Bubblewrap
from autorec.execution.executor import SandboxExecutor
from autorec.proposers.space_code import SpaceCode
from autorec.schemas.space import load_space
from autorec.testing.jobs import write_made_up_log

DESIGNS = {
    "ease": {"family": "linear", "solver": "ease"},
    "slist": {"family": "linear", "solver": "slist"},
    "slim": {"family": "linear", "solver": "slim", "query": "plain"},
    "itemknn": {"family": "itemknn"},
    "blend": {"family": "blend"},
}
ASKED = 1000
"""Users for whom lists are wanted."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=[20_000])
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--designs", nargs="+", choices=DESIGNS, default=list(DESIGNS))
    parser.add_argument("--memory-mb", type=int, default=4096)
    parser.add_argument("--training-s", type=float, default=1200)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}; {asked.users:,} users, "
          f"{asked.events:,} events, limit {asked.memory_mb} MiB, {asked.threads} threads")  # fmt: skip
    limits = Limits(
        training_s=asked.training_s,
        wall_s=1.5 * asked.training_s,
        memory_bytes=asked.memory_mb * MEBIBYTE,
        threads=asked.threads,
    )
    executor = SandboxExecutor(Bubblewrap())
    for n_items in asked.items:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_made_up_log(folder, asked.users, n_items, asked.events, ASKED)
            for design in asked.designs:
                measure(executor, folder, design, n_items, limits)
    executor.close()


def measure(executor: SandboxExecutor, folder: Path, name: str, n_items: int, limits: Limits) -> None:
    snapshots: list[Snapshot] = []

    def observe(snapshot: Snapshot) -> bool:
        snapshots.append(snapshot)
        return False

    outcome = executor.run(train_job(folder, name, limits), observe)
    usage, state = outcome.usage, max((len(snapshot.state or b"") for snapshot in snapshots), default=0)
    print(f"{n_items:7,} items  {name:8} {outcome.kind:14} peak {usage.memory_bytes / MEBIBYTE:5.0f} MiB, "
          f"state {state / MEBIBYTE:4.0f} MiB, {usage.training_s:5.0f} s of training, {usage.cpu_s:5.0f} s of CPU",
          flush=True)  # fmt: skip
    if not snapshots:
        print(f"{'':15}{outcome.reason}")


def train_job(folder: Path, name: str, limits: Limits) -> Job:
    spaces = assets("search_spaces")
    space = load_space(spaces / "retrieval.yaml")
    return Job(
        kind=JobKind.TRAIN,
        candidate=Candidate.of(SpaceCode(space, spaces).render(space.complete(DESIGNS[name]))),
        data_dir=str(folder / "data"),
        query_dir=str(folder / "query"),
        seed=1,
        limits=limits,
    )


if __name__ == "__main__":
    main()
