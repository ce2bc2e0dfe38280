"""What a sandbox costs: the start, the way to a candidate's first line and back, the self-test, and what the harness
adds to a training of a self-attentive sequential model (SASRec) of ml-100k's size."""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from autorec.domain.candidate import Candidate
from autorec.domain.job import Job, JobKind, Limits, Outcome, OutcomeKind, Snapshot
from autorec.execution.bubblewrap import Bubblewrap
from autorec.execution.canaries import fly, open_to_all, write_bundle
from autorec.execution.executor import SandboxExecutor

N_USERS, N_ITEMS, N_INTERACTIONS = 943, 1682, 98_114

NOTHING = {
    "model.py": """
import torch
class Nothing(torch.nn.Module):
    def score(self, history, users):
        return torch.zeros(len(users), history.n_items)
def build(data, params):
    return Nothing()
""",
    "train.py": "def fit(recommender, data, params, run):\n    run.checkpoint(recommender)\n",
}

SASREC = {
    "model.py": """
import torch
from torch import nn
LENGTH, WIDTH = 50, 64
class SASRec(nn.Module):
    def __init__(self, n_items):
        super().__init__()
        self.items = nn.Embedding(n_items + 1, WIDTH, padding_idx=n_items)
        self.places = nn.Embedding(LENGTH, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 256, 0.2, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.register_buffer("causal", torch.ones(LENGTH, LENGTH).triu(1).bool(), persistent=False)
    def forward(self, sequences):
        x = self.items(sequences) + self.places.weight
        return self.layers(x, mask=self.causal)
    def score(self, history, users):
        return self(history.sequences(LENGTH, users))[:, -1] @ self.items.weight[:-1].T
def build(data, params):
    return SASRec(data.n_items)
""",
    "train.py": """
import torch
import reckit
def fit(recommender, data, params, run):
    generator = torch.Generator().manual_seed(run.seed)
    optimizer = torch.optim.AdamW(recommender.parameters(), lr=1e-3)
    sequences = data.sequences(51)
    epoch = 0
    while True:
        for users in reckit.batches(data.n_users, 128, generator):
            batch = sequences[users]
            scores = recommender(batch[:, :-1]) @ recommender.items.weight[:-1].T
            loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), batch[:, 1:].flatten(),
                                                     ignore_index=data.n_items)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        epoch += 1
        run.log(epoch=epoch, loss=loss.item())
        run.checkpoint(recommender)
""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--training-s", type=float, default=30.0)
    args = parser.parse_args()
    print(f"machine   {platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
          f"Python {platform.python_version()}")  # fmt: skip
    executor = SandboxExecutor(Bubblewrap())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("small", "large"):
            (folder / part).mkdir()
        write_bundle(folder / "small")
        write_large_bundle(folder / "large")
        open_to_all(folder)
        starts(executor, folder / "small", args.repeats)
        self_test(executor)
        harness_overhead(executor, folder / "large", args.training_s)
    executor.close()


def starts(executor: SandboxExecutor, folder: Path, repeats: int) -> None:
    """A job that does nothing: all its time is the sandbox's; `wall_s` begins when the sandbox is ready."""
    totals, afters = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        outcome, _ = run(executor, folder, NOTHING, training_s=5.0)
        totals.append(time.perf_counter() - began)
        afters.append(outcome.usage.wall_s)
    total, after = statistics.median(totals), statistics.median(afters)
    print(f"start     {total - after:.2f} s until ready (torch imported), then {after * 1e3:.0f} ms for a job that "
          f"does nothing (medians of {repeats})")  # fmt: skip


def self_test(executor: SandboxExecutor) -> None:
    began = time.perf_counter()
    report, _ = fly(executor)
    print(f"canaries  {sum(report.values())} of {len(report)} held in {time.perf_counter() - began:.2f} s")


def harness_overhead(executor: SandboxExecutor, folder: Path, training_s: float) -> None:
    """Wall time that is not training, as a share of training: validations, copies, acks and the end of the process."""
    outcome, snapshots = run(executor, folder, SASREC, training_s)
    usage = outcome.usage
    predicting = sum(snapshot.predict_s for snapshot in snapshots)
    epochs = sum(line.find("epoch=") >= 0 for line in outcome.log.splitlines())
    print(f"harness   {100 * (usage.wall_s / usage.training_s - 1):.1f} % over {usage.training_s:.1f} s of SASRec "
          f"({epochs} epochs, {len(snapshots)} validations, {predicting / len(snapshots) * 1e3:.0f} ms each); "
          f"CPU {usage.cpu_s:.1f} s, peak {usage.memory_bytes / 2**20:.0f} MiB; {outcome.kind}")  # fmt: skip


def run(
    executor: SandboxExecutor, folder: Path, files: dict[str, str], training_s: float
) -> tuple[Outcome, list[Snapshot]]:
    snapshots: list[Snapshot] = []

    def observe(snapshot: Snapshot) -> bool:
        snapshots.append(snapshot)
        return False

    job = Job(
        kind=JobKind.TRAIN,
        candidate=Candidate.of(files),
        data_dir=str(folder / "data"),
        query_dir=str(folder / "query"),
        seed=1,
        limits=Limits(training_s=training_s, wall_s=2 * training_s + 30),
    )
    outcome = executor.run(job, observe)
    if outcome.kind is not OutcomeKind.COMPLETED:
        raise SystemExit(f"the job ended as {outcome.kind}: {outcome.reason}")
    return outcome, snapshots


def write_large_bundle(folder: Path) -> None:
    """As many users, items and interactions as ml-100k, at random, popular items more often."""
    rng = np.random.default_rng(0)
    users = np.sort(rng.integers(N_USERS, size=N_INTERACTIONS))
    arrays = {
        "indptr": np.concatenate(([0], np.bincount(users, minlength=N_USERS).cumsum())).astype(np.int64),
        "items": (N_ITEMS * rng.random(N_INTERACTIONS) ** 2).astype(np.int32),
        "timestamps": np.arange(N_INTERACTIONS, dtype=np.int64),
    }
    for part, listed in (("data", users), ("query", np.arange(N_USERS))):
        (folder / part).mkdir()
        for name, array in {**arrays, "users": listed.astype(np.int32)}.items():
            np.save(folder / part / f"{name}.npy", array)
    meta = {"kind": "log", "n_users": N_USERS, "n_items": N_ITEMS, "n_interactions": N_INTERACTIONS}
    meta |= {"has_timestamps": True, "has_values": False, "features": []}
    (folder / "data" / "meta.json").write_text(json.dumps(meta))
    (folder / "query" / "meta.json").write_text(json.dumps({"answer": "lists", "k": 100}))


if __name__ == "__main__":
    main()
