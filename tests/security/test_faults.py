"""What goes wrong around a sandbox: it is killed from outside, all crash at once, one floods while others train."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from attacks import LIMITS, MODEL, OWNER, START, eventually, leaves_daemon, needs_bubblewrap, training

from autorec.domain.errors import AutorecError, IsolationError
from autorec.domain.job import Job, Limits, Outcome, OutcomeKind, Snapshot
from autorec.execution.bubblewrap import Bubblewrap
from autorec.execution.canaries import uids_of
from autorec.execution.executor import SandboxExecutor
from autorec.execution.watch import children, tree
from autorec.testing.isolation import make_tier
from autorec.testing.tiers import CRASHES_AT_ITS_JOB, DIES, ScriptedTier

pytestmark = needs_bubblewrap

TRAINS = "def fit(recommender, data, params, run):\n    while True:\n        run.checkpoint(recommender)\n"


def never_stop(_: Snapshot) -> bool:
    return False


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_two_hundred_candidates_that_crash_at_once_are_two_hundred_outcomes(bundle: Path) -> None:
    executor = SandboxExecutor(ScriptedTier(CRASHES_AT_ITS_JOB), spares=4)
    job = training(bundle, TRAINS)
    executor.run(job, never_stop)
    before = open_descriptors(), set(children(os.getpid())), threading.active_count()
    with ThreadPoolExecutor(20) as crew:
        outcomes = [future.result() for future in [crew.submit(executor.run, job, never_stop) for _ in range(200)]]
    assert Counter((outcome.kind, outcome.reason) for outcome in outcomes) == {
        (OutcomeKind.CRASHED, "RuntimeError: the loss diverged"): 200
    }
    executor.close()
    assert open_descriptors() <= before[0]
    assert set(children(os.getpid())) <= before[1]
    assert threading.active_count() <= before[2]


def test_spares_that_die_at_their_start_do_not_stop_the_jobs_after_them(bundle: Path) -> None:
    """Every second start fails; each job still has its outcome."""
    executor = SandboxExecutor(ScriptedTier(*[DIES, CRASHES_AT_ITS_JOB] * 20), spares=2)
    outcomes = [executor.run(training(bundle, TRAINS), never_stop) for _ in range(8)]
    executor.close()
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.CRASHED}


class Watched:
    """Runs a job and does something to its sandbox once it is under way."""

    def __init__(self, executor: SandboxExecutor, job: Job) -> None:
        self._under_way = threading.Event()
        self._crew = ThreadPoolExecutor(1)
        self._running = self._crew.submit(executor.run, job, self._observe)
        self._running.add_done_callback(lambda _: self._under_way.set())
        assert self._under_way.wait(60)
        assert not self._running.done(), self._running.result()

    def _observe(self, _: Snapshot) -> bool:
        self._under_way.set()
        return False

    def outcome(self) -> Outcome:
        with self._crew:
            return self._running.result(timeout=60)


@pytest.mark.parametrize("which", [0, 1, 2], ids=["bubblewrap", "the first process inside", "the candidate"])
def test_a_sandbox_killed_from_outside_is_one_outcome_and_the_next_job_runs(
    executor: SandboxExecutor, bundle: Path, which: int
) -> None:
    before = set(children(os.getpid()))
    watched = Watched(executor, training(bundle, TRAINS, Limits(training_s=60, wall_s=90)))
    sandbox = next(pid for pid in children(os.getpid()) if pid not in before)
    family = list(tree(sandbox))
    os.kill(family[which], signal.SIGKILL)
    outcome = watched.outcome()
    assert outcome.kind in (OutcomeKind.OUT_OF_MEMORY, OutcomeKind.CRASHED), outcome
    assert not any(alive(pid) for pid in family)
    assert executor.run(training(bundle, TRAINS), never_stop).kind is OutcomeKind.COMPLETED


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user has no uid to give each job, by which to find it")
def test_what_a_killed_keeper_kept_is_found_by_its_uid(bundle: Path) -> None:
    """In the landlock tier no PID namespace ends with the keeper; only from outside can it be killed."""
    token = f"autorec-test-{os.getpid()}-kept"
    try:
        executor = SandboxExecutor(make_tier("landlock"))
    except IsolationError as error:
        pytest.skip(str(error))
    before = set(children(os.getpid()))
    watched = Watched(executor, training(bundle, leaves_daemon(token), Limits(training_s=60, wall_s=90)))
    assert eventually(lambda: bool(uids_of(token)))
    (keeper,) = (pid for pid in children(os.getpid()) if pid not in before)
    os.kill(keeper, signal.SIGKILL)
    watched.outcome()
    executor.close()
    assert uids_of(token) == []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


FORK_BOMB = """
def fit(recommender, data, params, run):
    while True:
        try:
            os.fork()
        except OSError:
            pass
"""


def test_fork_bombs_while_others_train(executor: SandboxExecutor, bundle: Path) -> None:
    bomb = training(bundle, FORK_BOMB, replace(LIMITS, training_s=3, processes=64))
    learner = training(bundle, TRAINS, replace(LIMITS, training_s=3))
    snapshots: list[Snapshot] = []

    def keep(snapshot: Snapshot) -> bool:
        snapshots.append(snapshot)
        return False

    with ThreadPoolExecutor(2) as crew:
        bombed, learned = crew.submit(executor.run, bomb, never_stop), crew.submit(executor.run, learner, keep)
        assert bombed.result(timeout=60).kind is OutcomeKind.TIMED_OUT
        assert learned.result(timeout=60).kind is OutcomeKind.COMPLETED
    assert len(snapshots) > 1


def test_a_kill_reaches_a_crowd_within_a_second(bundle: Path) -> None:
    token = f"autorec-test-{os.getpid()}-crowd"
    crowd = f"""
def fit(recommender, data, params, run):
    for _ in range(50):
        if os.fork() == 0:
            os.setsid()
            os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()", "{token}"])
    while True:
        run.checkpoint(recommender)
"""
    executor = SandboxExecutor(Bubblewrap())
    watched = Watched(executor, training(bundle, crowd, Limits(training_s=60, wall_s=90)))
    assert eventually(lambda: len(uids_of(token)) == 50)
    began = time.monotonic()
    executor.close()
    with pytest.raises(AutorecError, match="closed"):
        watched.outcome()
    assert time.monotonic() - began < 1.0
    assert uids_of(token) == []


def test_no_spare_outlives_the_trusted_side(bundle: Path) -> None:
    owner = OWNER.replace("SandboxExecutor(Bubblewrap())", "SandboxExecutor(Bubblewrap(), spares=1)").format(
        path=[str(Path(__file__).parents[2])],
        files={"model.py": MODEL, "train.py": START + TRAINS},
        data=str(bundle / "data"),
        query=str(bundle / "query"),
    )
    process = subprocess.Popen([sys.executable, "-c", owner], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"under way\n"
    if len(os.sched_getaffinity(0)) > 1:  # with a core left, the spare is begun at once
        assert eventually(lambda: len(children(process.pid)) == 2)
    family = [pid for pid in tree(process.pid) if pid != process.pid]
    process.kill()
    process.wait()
    process.stdout.close()
    assert eventually(lambda: not any(alive(pid) for pid in family))
