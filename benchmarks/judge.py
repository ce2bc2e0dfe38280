"""How long judging takes, and a diagnosis: 100,000 users x top-20 over 20,000 items, all checks included."""

import argparse
import os
import platform
import time
from io import BytesIO

import numpy as np

from autorec.domain.diagnosis import Answered
from autorec.domain.evaluation import Objective
from autorec.domain.job import Part
from autorec.judging.ground import Ground
from autorec.judging.list_examiner import ListExaminer
from autorec.judging.lists import ListJudge
from autorec.judging.weights import weigh

DIM = 64
RIVALS = 3
"""A diagnosis compares with a parent and two baselines, or with two and two."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--history", type=int, default=50, help="events a user before the part")
    parser.add_argument("--relevant", type=int, default=1, help="relevant items a user")
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    ground = synthetic_ground(rng, args.users, args.items, args.history, args.relevant)
    content = synthetic_predictions(rng, ground, args.k, hit_rate=0.25)
    judge = ListJudge(
        truth=lambda _part: ground,
        user_permutation=np.arange(args.users)[::-1],
        item_permutation=np.arange(args.items),
        n_items=args.items,
        top_k=args.k,
    )
    seconds, cpu_seconds = zip(*(timed(judge, content) for _ in range(args.repeats + 1)), strict=True)
    print(
        f"machine  {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"numpy {np.__version__}"
    )
    print(f"case     {args.users:,} users x top-{args.k} over {args.items:,} items, history {args.history} a user")
    print(f"first    {seconds[0]:.3f} s, with the preparation of the part, once a run")
    print(f"judge    {np.median(seconds[1:]):.3f} s median of {args.repeats}, best {min(seconds[1:]):.3f} s")
    print(f"         {np.median(cpu_seconds[1:]):.3f} s of processor time, median")
    diagnose(judge, ground, content)


def diagnose(judge: ListJudge, ground: Ground, content: bytes) -> None:
    """Print what the parts of a diagnosis take, once a training."""
    from safetensors.numpy import save

    judged = judge.judge(content, Part.SELECT)
    answers = Answered(predictions=judged.predictions, per_unit=judged.per_unit)
    examiner = ListExaminer({"truth": lambda _part: ground}, Objective(name="ndcg@10"))
    rng, n = np.random.default_rng(0), (ground.n_items, len(ground.users))
    state = save({f"table{rows}": rng.standard_normal((rows, DIM), dtype=np.float32) for rows in n})
    for name, step in {
        "first": lambda: examiner.examine(answers),
        "examine": lambda: examiner.examine(answers),
        "compare": lambda: [examiner.compare(answers, answers) for _ in range(RIVALS)],
        "weigh": lambda: weigh(state, n),
    }.items():
        began = time.perf_counter()
        step()
        print(f"{name:<8} {time.perf_counter() - began:.3f} s of a diagnosis")


def synthetic_ground(rng: np.random.Generator, n_users: int, n_items: int, n_seen: int, n_relevant: int) -> Ground:
    """Histories of items of one stride and relevant items of another, so that they never meet."""
    start = rng.integers(0, n_items, n_users)[:, np.newaxis]
    items = (start + 7 * np.arange(n_seen + n_relevant)) % n_items
    return Ground(
        users=np.arange(n_users, dtype=np.int32),
        indptr=np.arange(n_users + 1) * n_relevant,
        items=items[:, n_seen:].astype(np.int32).ravel(),
        seen_indptr=np.arange(n_users + 1) * n_seen,
        seen_items=np.sort(items[:, :n_seen], axis=1).astype(np.int32).ravel(),
        warm=np.ones(n_users, dtype=bool),
        item_counts=np.bincount(items[:, :n_seen].ravel(), minlength=n_items),
    )


def synthetic_predictions(rng: np.random.Generator, ground: Ground, k: int, hit_rate: float) -> bytes:
    """Lists that hold one relevant item for a share of the users, somewhere; rows in descending order of users."""
    n_users = len(ground.users)
    start = np.where(rng.random(n_users) < hit_rate, ground.items[ground.indptr[:-1]], rng.integers(ground.n_items))
    lists = (start[:, np.newaxis] + 13 * (np.arange(k) - rng.integers(0, k, n_users)[:, np.newaxis])) % ground.n_items
    buffer = BytesIO()
    np.save(buffer, lists[::-1].astype(np.int32))
    return buffer.getvalue()


def timed(judge: ListJudge, content: bytes) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    start, cpu_start = time.perf_counter(), time.process_time()
    judge.judge(content, Part.SELECT)
    return time.perf_counter() - start, time.process_time() - cpu_start


if __name__ == "__main__":
    main()
