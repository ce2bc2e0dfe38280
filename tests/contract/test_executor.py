"""One suite for every executor: what the loop may rely on."""

import io
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from autorec.domain.candidate import Candidate
from autorec.domain.errors import AutorecError
from autorec.domain.job import Job, JobKind, Limits, OutcomeKind, Snapshot
from autorec.execution.bubblewrap import BubblewrapExecutor
from autorec.execution.canaries import open_to_all, write_bundle
from autorec.ports import Executor
from autorec.testing.executors import Script, ScriptedExecutor, fails, hands_over

MODEL = """
import torch

class Constant(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("value", torch.zeros(()))

    def score(self, history, users):
        return self.value.expand(len(users), history.n_items)

def build(data, params):
    return Constant()
"""
ONCE = "def fit(recommender, data, params, run):\n    run.checkpoint(recommender)\n"
MANY = "def fit(recommender, data, params, run):\n    while True:\n        run.checkpoint(recommender)\n"
RAISES = "def fit(recommender, data, params, run):\n    raise RuntimeError('the loss diverged')\n"


def npy(values: list[list[int]]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(values, dtype=np.int32))
    return file.getvalue()


def script(job: Job) -> Script:
    lists = npy([[0, 2]])
    if "raise" in job.candidate.files["train.py"]:
        return fails(OutcomeKind.CRASHED, "RuntimeError: the loss diverged")
    return hands_over([lists] * (5 if "while" in job.candidate.files["train.py"] else 1), kind=job.kind)


@pytest.fixture(params=["scripted", pytest.param("bwrap", marks=pytest.mark.sandbox)])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "bwrap" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    made = ScriptedExecutor(script) if request.param == "scripted" else BubblewrapExecutor()
    yield made
    made.close()


@pytest.fixture
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    open_to_all(folder)
    return folder


def job(bundle: Path, train: str, **changes: object) -> Job:
    values: dict[str, object] = {
        "kind": JobKind.TRAIN,
        "candidate": Candidate.of({"model.py": MODEL, "train.py": train}),
        "data_dir": str(bundle / "data"),
        "query_dir": str(bundle / "query"),
        "seed": 7,
        "limits": Limits(training_s=1.0, wall_s=30.0, grace_s=1.0),
    }
    return Job(**{**values, **changes})  # type: ignore[arg-type]


class Observer:
    def __init__(self, stop_at: int | None = None) -> None:
        self.snapshots: list[Snapshot] = []
        self.stop_at = stop_at

    def __call__(self, snapshot: Snapshot) -> bool:
        self.snapshots.append(snapshot)
        return snapshot.index == self.stop_at


def test_a_training_hands_over_predictions_and_state(executor: Executor, bundle: Path) -> None:
    observer = Observer()
    outcome = executor.run(job(bundle, ONCE), observer)
    assert outcome.kind is OutcomeKind.COMPLETED, outcome.log
    assert [s.index for s in observer.snapshots] == [0]
    lists = np.load(io.BytesIO(observer.snapshots[0].predictions), allow_pickle=False)
    assert lists.dtype == np.int32
    assert sorted(lists[0]) == [0, 2]
    assert observer.snapshots[0].state
    assert outcome.usage.wall_s > 0
    assert outcome.usage.memory_bytes > 0
    assert outcome.tier


def test_checkpoints_come_in_order_with_growing_time(executor: Executor, bundle: Path) -> None:
    observer = Observer()
    assert executor.run(job(bundle, MANY), observer).kind is OutcomeKind.COMPLETED
    assert [s.index for s in observer.snapshots] == list(range(len(observer.snapshots)))
    assert 2 <= len(observer.snapshots) <= 20
    times = [s.training_s for s in observer.snapshots]
    assert times == sorted(times)


def test_observing_true_stops_the_training(executor: Executor, bundle: Path) -> None:
    observer = Observer(stop_at=1)
    outcome = executor.run(job(bundle, MANY), observer)
    assert outcome.kind is OutcomeKind.COMPLETED
    assert outcome.reason == "stopped as asked"
    assert len(observer.snapshots) == 2


def test_a_predict_job_answers_from_a_kept_state(executor: Executor, bundle: Path) -> None:
    trained, asked = Observer(), Observer()
    executor.run(job(bundle, ONCE), trained)
    outcome = executor.run(job(bundle, ONCE, kind=JobKind.PREDICT, state=trained.snapshots[0].state), asked)
    assert outcome.kind is OutcomeKind.COMPLETED, outcome.log
    assert len(asked.snapshots) == 1
    assert asked.snapshots[0].state is None


def test_an_exception_of_the_candidate_is_an_outcome_with_its_reason(executor: Executor, bundle: Path) -> None:
    outcome = executor.run(job(bundle, RAISES), Observer())
    assert outcome.kind is OutcomeKind.CRASHED
    assert outcome.reason.endswith("RuntimeError: the loss diverged")


def test_several_threads_may_run_jobs(executor: Executor, bundle: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        kinds = list(pool.map(lambda train: executor.run(job(bundle, train), Observer()).kind, [ONCE, RAISES]))
    assert kinds == [OutcomeKind.COMPLETED, OutcomeKind.CRASHED]


def test_an_observer_that_raises_is_our_fault_and_raises(executor: Executor, bundle: Path) -> None:
    def broken(_: Snapshot) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        executor.run(job(bundle, ONCE), broken)


def test_closed_executors_refuse_and_closing_twice_is_fine(executor: Executor, bundle: Path) -> None:
    executor.close()
    executor.close()
    with pytest.raises(AutorecError, match="closed"):
        executor.run(job(bundle, ONCE), Observer())


@pytest.mark.sandbox
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_closing_kills_what_runs_at_once(bundle: Path) -> None:
    executor = BubblewrapExecutor()
    under_way = threading.Event()

    def observe(_: Snapshot) -> bool:
        under_way.set()
        return False

    slow = job(bundle, MANY, limits=Limits(training_s=20.0, wall_s=60.0))
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
    executor, observer = BubblewrapExecutor(), Observer()
    slow = job(bundle, ONCE, candidate=Candidate.of({"model.py": SLOW_TO_KEEP, "train.py": ONCE}))
    outcome = executor.run(slow, observer)
    executor.close()
    assert outcome.kind is OutcomeKind.COMPLETED, outcome.log
    assert outcome.usage.wall_s > 3
    assert outcome.usage.training_s < 2
    assert observer.snapshots[0].predict_s < 2
