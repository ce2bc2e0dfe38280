"""One suite for every executor: what the loop may rely on."""

import io
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from autorec.domain.candidate import Candidate
from autorec.domain.errors import AutorecError, IsolationError
from autorec.domain.job import Job, Limits, OutcomeKind, Snapshot
from autorec.execution.bubblewrap import Bubblewrap
from autorec.execution.executor import SandboxExecutor
from autorec.ports import Executor
from autorec.testing.conformance import check_executor
from autorec.testing.executors import Script, ScriptedExecutor, fails, hands_over
from autorec.testing.isolation import make_tier
from autorec.testing.jobs import MANY, MODEL, ONCE, Observer, a_job, write_bundle


def npy(values: list[list[int]]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(values, dtype=np.int32))
    return file.getvalue()


def script(job: Job) -> Script:
    lists = npy([[0, 2]])
    if "raise" in job.candidate.files["train.py"]:
        return fails(OutcomeKind.CRASHED, "RuntimeError: the loss diverged")
    return hands_over([lists] * (5 if "while" in job.candidate.files["train.py"] else 1), kind=job.kind)


def open_executor(name: str) -> Executor:
    if name == "scripted":
        return ScriptedExecutor(script)
    return SandboxExecutor(make_tier(name), spares=1)


@pytest.fixture(
    params=[
        "scripted",
        *(pytest.param(t, marks=pytest.mark.sandbox) for t in ("container", "bwrap", "landlock", "none")),
    ]
)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    try:
        made = open_executor(request.param)
    except IsolationError as error:
        pytest.skip(f"{error}; {error.fix}")
    yield made
    made.close()


@pytest.fixture
def bundle() -> Iterator[Path]:
    with TemporaryDirectory(prefix="autorec-bundle-") as name:  # pytest's own folder is closed to other users
        yield write_bundle(Path(name))


def test_every_executor_keeps_the_contract(executor: Executor, bundle: Path) -> None:
    check_executor(executor, bundle)


def test_a_training_hands_over_lists_and_a_stop_is_told_as_one(executor: Executor, bundle: Path) -> None:
    once, many = Observer(), Observer(stop_at=1)
    executor.run(a_job(bundle, ONCE), once)
    lists = np.load(io.BytesIO(once.snapshots[0].predictions), allow_pickle=False)
    assert lists.dtype == np.int32
    assert sorted(lists[0]) == [0, 2]
    assert executor.run(a_job(bundle, MANY), many).reason == "stopped as asked"
    executor.close()
    with pytest.raises(AutorecError, match="closed"):
        executor.run(a_job(bundle, ONCE), Observer())


@pytest.mark.sandbox
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_closing_kills_what_runs_at_once(bundle: Path) -> None:
    executor = SandboxExecutor(Bubblewrap())
    under_way = threading.Event()

    def observe(_: Snapshot) -> bool:
        under_way.set()
        return False

    slow = replace(a_job(bundle, MANY), limits=Limits(training_s=20.0, wall_s=60.0))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(executor.run, slow, observe)
        assert under_way.wait(30)
        executor.close()
        with pytest.raises(AutorecError, match="closed"):
            running.result(timeout=5)


SLOW_TO_KEEP = MODEL.replace(
    "class Constant(torch.nn.Module):",
    """class Constant(torch.nn.Module):
    def state_dict(self, *args, **kwargs):
        import time
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            pass
        return super().state_dict(*args, **kwargs)
""",
)


@pytest.mark.sandbox
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_writing_a_large_state_is_neither_training_nor_predicting(bundle: Path) -> None:
    executor, observer = SandboxExecutor(Bubblewrap()), Observer()
    slow = replace(a_job(bundle, ONCE), candidate=Candidate.of({"model.py": SLOW_TO_KEEP, "train.py": ONCE}))
    outcome = executor.run(slow, observer)
    executor.close()
    assert outcome.kind is OutcomeKind.COMPLETED, outcome.log
    assert outcome.usage.wall_s > 3
    assert outcome.usage.training_s < 2
    assert observer.snapshots[0].predict_s < 2
