"""What a sandbox costs: its start, the way to a candidate's first line and back, spares, kills, the walls around a
training, many short candidates in a row.

Times are those of this machine with whatever else it does; run it on a quiet one. The candidates are in
`benchmarks/candidates/`.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from autorec.domain.candidate import Candidate
from autorec.domain.errors import AutorecError
from autorec.domain.job import MEBIBYTE, Job, JobKind, Limits, Outcome, OutcomeKind, Snapshot
from autorec.execution.bare import Bare
from autorec.execution.bubblewrap import Bubblewrap
from autorec.execution.canaries import fly, open_to_all, write_bundle
from autorec.execution.executor import SandboxExecutor
from autorec.execution.ground import Ground
from autorec.testing.jobs import write_made_up_log

N_USERS, N_ITEMS, N_INTERACTIONS = 943, 1682, 98_114
CANDIDATES = Path(__file__).parent / "candidates"
REST_S = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9, help="how often each start and each kill is measured")
    parser.add_argument(
        "--training-s", type=float, default=30.0, help="seconds of the training for the harness's share"
    )
    parser.add_argument("--pairs", type=int, default=5, help="trainings inside and outside, in turn")
    parser.add_argument("--steps", type=int, default=60, help="how many steps such a training takes")
    parser.add_argument("--trivial", type=int, default=300, help="candidates that do nothing, two at a time")
    parser.add_argument("--short", type=int, default=24, help="short trainings, two at a time")
    parser.add_argument("--short-s", type=float, default=5.0, help="seconds that each of them trains")
    args = parser.parse_args()
    print(f"machine    {platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
          f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name) / "small", Path(name) / "large"
        small.mkdir()
        write_bundle(small)
        write_made_up_log(large, N_USERS, N_ITEMS, N_INTERACTIONS)
        open_to_all(Path(name))
        starts(small, args.repeats)
        self_test()
        kills(small, args.repeats)
        walls(large, args.pairs, args.steps)
        harness_share(large, args.training_s)
        trivial(small, args.trivial)
        short_trainings(small, args.short, args.short_s)


def starts(folder: Path, repeats: int) -> None:
    executor = SandboxExecutor(Bubblewrap(), spares=1)
    job = a_job(folder, "nothing", training_s=5.0)
    began = time.monotonic()
    first = first_line(run(executor, job)) - began
    lines, trips = [], []
    for _ in range(repeats):
        executor.pool.expect(Ground.of(job))
        wait_for_spares(executor, 1)
        began = time.monotonic()
        outcome = run(executor, job)
        trips.append(time.monotonic() - began)
        lines.append(first_line(outcome) - began)
    wait_for_spares(executor, 1)
    print(f"cold       {first:.2f} s from the request to the candidate's first line (one start)")
    print(f"warm       {ms(statistics.median(lines))} to the first line (at most {ms(max(lines))}), "
          f"{ms(statistics.median(trips))} for a job that does nothing (medians of {repeats})")  # fmt: skip
    print(f"spare      {executor.pool.spare_bytes / MEBIBYTE:.0f} MiB")
    executor.close()


def self_test() -> None:
    executor = SandboxExecutor(Bubblewrap())
    began = time.perf_counter()
    report, _ = fly(executor)
    print(f"canaries   {sum(report.values())} of {len(report)} held in {time.perf_counter() - began:.2f} s")
    executor.close()


def kills(folder: Path, repeats: int) -> None:
    """From the order to kill to the end of the last process, with a training under way."""
    latencies = []
    for _ in range(repeats):
        executor = SandboxExecutor(Bubblewrap())
        began: list[float] = []

        def kill(_: Snapshot, executor: SandboxExecutor = executor, began: list[float] = began) -> bool:
            began.append(time.monotonic())
            executor.close()
            return False

        try:
            executor.run(a_job(folder, "busy", training_s=60.0), kill)
        except AutorecError:
            latencies.append(time.monotonic() - began[0])
    print(f"kill       {ms(statistics.median(latencies))} until nothing is left (at most {ms(max(latencies))})")


def walls(folder: Path, pairs: int, steps: int) -> None:
    """The same steps inside a sandbox and without one, in turn, so that both meet the same machine."""
    inside, outside = SandboxExecutor(Bubblewrap()), SandboxExecutor(Bare())
    job = a_job(folder, "sasrec", training_s=600.0, steps=steps)
    shares = []
    for _ in range(pairs):
        within, without = (run(executor, job).usage.training_s for executor in (inside, outside))
        shares.append(100 * (within / without - 1))
    inside.close()
    outside.close()
    print(f"walls      {statistics.median(shares):+.1f} % training time inside against outside "
          f"(median of {pairs} pairs, {min(shares):+.1f} to {max(shares):+.1f})")  # fmt: skip


def harness_share(folder: Path, training_s: float) -> None:
    """Wall time that is not training, as a share of training: validations, copies, acks and the end of the process.

    From a warm spare, as in a search.
    """
    executor = SandboxExecutor(Bubblewrap(), spares=1)
    job = a_job(folder, "sasrec", training_s)
    executor.pool.expect(Ground.of(job))
    wait_for_spares(executor, 1)
    snapshots: list[Snapshot] = []

    def keep(snapshot: Snapshot) -> bool:
        snapshots.append(snapshot)
        return False

    outcome = executor.run(job, keep)
    executor.close()
    usage = outcome.usage
    predicting = sum(snapshot.predict_s for snapshot in snapshots)
    epochs = sum(line.find("epoch=") >= 0 for line in outcome.log.splitlines())
    print(f"harness    {100 * (usage.wall_s / usage.training_s - 1):.1f} % over {usage.training_s:.1f} s of SASRec "
          f"({epochs} epochs, {len(snapshots)} validations, {ms(predicting / len(snapshots))} each); "
          f"CPU {usage.cpu_s:.1f} s, peak {usage.memory_bytes / MEBIBYTE:.0f} MiB; {outcome.kind}")  # fmt: skip


def trivial(folder: Path, count: int) -> None:
    """How fast spares that are ready are used up, and how fast two workers go on when each needs a new one."""
    executor = SandboxExecutor(Bubblewrap(), spares=2)
    job = a_job(folder, "nothing", training_s=5.0)
    for _ in range(2):
        executor.pool.expect(Ground.of(job))
    wait_for_spares(executor, 2)
    burst_s = side_by_side(executor, [job] * 2)[1]
    outcomes, wall_s = side_by_side(executor, [job] * count)
    executor.close()
    completed = sum(outcome.kind is OutcomeKind.COMPLETED for outcome in outcomes)
    print(f"burst      2 trivial candidates from warm spares in {ms(burst_s)}")
    print(f"sustained  {count / wall_s:.2f} trivial candidates a second over {count} ({completed} completed), "
          f"two workers")  # fmt: skip


def short_trainings(folder: Path, count: int, training_s: float) -> None:
    executor = SandboxExecutor(Bubblewrap(), spares=2)
    outcomes, wall_s = side_by_side(executor, [a_job(folder, "busy", training_s)] * count)
    executor.close()
    trained_s = sum(outcome.usage.training_s for outcome in outcomes)
    print(f"occupancy  {100 * trained_s / (2 * wall_s):.1f} % of two workers' time is training, over {count} "
          f"candidates of {training_s:g} s, the first starts included")  # fmt: skip


def side_by_side(executor: SandboxExecutor, jobs: Sequence[Job]) -> tuple[list[Outcome], float]:
    began = time.monotonic()
    with ThreadPoolExecutor(2) as workers:
        outcomes = list(workers.map(partial(run, executor), jobs))
    return outcomes, time.monotonic() - began


def run(executor: SandboxExecutor, job: Job) -> Outcome:
    outcome = executor.run(job, lambda _: False)
    if outcome.kind is not OutcomeKind.COMPLETED:
        raise SystemExit(f"the job ended as {outcome.kind}: {outcome.reason}")
    return outcome


def a_job(folder: Path, candidate: str, training_s: float, **params: object) -> Job:
    files = {file.name: file.read_text() for file in sorted((CANDIDATES / candidate).iterdir())}
    return Job(
        kind=JobKind.TRAIN,
        candidate=Candidate.of(files),
        data_dir=str(folder / "data"),
        query_dir=str(folder / "query"),
        seed=1,
        params=params,
        limits=Limits(training_s=training_s, wall_s=2 * training_s + 30),
    )


def first_line(outcome: Outcome) -> float:
    """When the candidate began, on the machine's monotonic clock, which it shares."""
    return float(outcome.log.partition("first line ")[2].split()[0])


def wait_for_spares(executor: SandboxExecutor, count: int) -> None:
    """Until they are ready and at rest: a spare goes on importing while nobody waits for it."""
    before = -1
    while executor.pool.n_ready < count or executor.pool.spare_bytes != before:
        before = executor.pool.spare_bytes
        time.sleep(REST_S)


def ms(seconds: float) -> str:
    return f"{1e3 * seconds:.1f} ms"


if __name__ == "__main__":
    main()
