"""What the tests of the sandbox share: an attack is the training script of a candidate, run in earnest."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from autorec.domain.candidate import Candidate
from autorec.domain.job import MEBIBYTE, Job, JobKind, Limits, Outcome, Snapshot

needs_bubblewrap = [
    pytest.mark.sandbox,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

MODEL = """
import torch

class Constant(torch.nn.Module):
    def score(self, history, users):
        return torch.zeros(len(users), history.n_items)

def build(data, params):
    return Constant()
"""

START = """
import contextlib, ctypes, json, os, signal, socket, subprocess, sys, time
from pathlib import Path
print("RAN", flush=True)
def attempt(what):
    try:
        return repr(what())
    except BaseException as error:
        return type(error).__name__
"""

LIMITS = Limits(training_s=2.0, wall_s=30.0, grace_s=1.0, memory_bytes=1024 * MEBIBYTE, disk_bytes=32 * MEBIBYTE)


@dataclass(frozen=True, slots=True)
class Attacked:
    outcome: Outcome
    snapshots: list[Snapshot]

    @property
    def findings(self) -> dict[str, str]:
        """What the attack printed as `FOUND {...}`."""
        line = next(line for line in self.outcome.log.splitlines() if line.startswith("FOUND "))
        found: dict[str, str] = json.loads(line.removeprefix("FOUND "))
        return found


Attack = Callable[..., Attacked]


def training(bundle: Path, train: str, limits: Limits = LIMITS) -> Job:
    return Job(
        kind=JobKind.TRAIN,
        candidate=Candidate.of({"model.py": MODEL, "train.py": START + train}),
        data_dir=str(bundle / "data"),
        query_dir=str(bundle / "query"),
        seed=1,
        limits=limits,
    )


def leaves_daemon(token: str) -> str:
    """A training that never ends, beside a process in a session of its own, with the token among its arguments."""
    return f"""
def fit(recommender, data, params, run):
    if os.fork() == 0:
        os.setsid()
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()", "{token}"])
    while True:
        run.checkpoint(recommender)
"""


OWNER = """
import signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
from autorec.domain.candidate import Candidate
from autorec.domain.job import Job, JobKind, Limits
from autorec.execution.bubblewrap import Bubblewrap
from autorec.execution.executor import SandboxExecutor
executor = SandboxExecutor(Bubblewrap())
def observe(snapshot):
    print("under way", flush=True)
    return False
job = Job(kind=JobKind.TRAIN, candidate=Candidate.of({files!r}), data_dir={data!r}, query_dir={query!r}, seed=1,
          limits=Limits(training_s=60, wall_s=90))
try:
    print(executor.run(job, observe).log)
finally:
    executor.close()
"""


def as_nobody(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """A command that runs Python as a user who owns nothing, and its environment; skips where there can be none."""
    here = Path(__file__).parents[2]
    site = next(path for path in map(Path, sys.path) if path.name == "site-packages" and (path / "torch").is_dir())
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
    python = next((p for p in (sys.executable, "/usr/bin/python3") if reaches(nobody, p, here, site)), None)
    if python is None:
        pytest.skip("an ordinary user cannot read this interpreter, its packages and this checkout")
    return [*nobody, python, *arguments], {"PYTHONPATH": f"{here}:{site}", "PATH": os.environ["PATH"]}


def reaches(nobody: list[str], python: str, *folders: Path) -> bool:
    """Whether the user can run this Python, of this version, and read the folders."""
    named = [str(folder) for folder in (*folders, Path(python).resolve())]
    same = f"sys.version_info[:2] == {sys.version_info[:2]}"
    script = f"import os, sys; sys.exit(not ({same} and all(os.access(path, 5) for path in {named})))"
    return subprocess.run([*nobody, python, "-c", script], capture_output=True, check=False).returncode == 0


def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> bool:
    tick = threading.Event()
    return any(condition() or tick.wait(0.05) for _ in range(int(within_s / 0.05)))
