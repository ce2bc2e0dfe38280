"""What a candidate can leave behind: daemons, stopped processes, validations without end, orphans."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from attacks import MODEL, OWNER, START, Attack, eventually, needs_bubblewrap

from autorec.domain.job import Limits, OutcomeKind
from autorec.execution.canaries import uids_of

pytestmark = needs_bubblewrap


def test_an_endless_loop_times_out_and_its_whole_tree_is_dead(attack: Attack) -> None:
    token = f"autorec-test-{os.getpid()}-loop"
    seen: list[int] = []
    watcher_done = threading.Event()

    def watch() -> None:
        while not seen and not watcher_done.wait(0.05):
            seen.extend(uids_of(token))

    watcher = threading.Thread(target=watch)
    watcher.start()
    attacked = attack(
        f"""
def fit(recommender, data, params, run):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "while True: pass", "{token}"])
        os._exit(0)
    while True:
        pass
"""
    )
    watcher_done.set()
    watcher.join()
    assert attacked.outcome.kind is OutcomeKind.TIMED_OUT
    assert "run.seconds_left" in attacked.outcome.reason
    assert seen, "the daemon never ran"
    assert 0 not in seen
    assert uids_of(token) == []


def test_a_daemon_dies_with_a_candidate_that_ends_well(attack: Attack) -> None:
    token = f"autorec-test-{os.getpid()}-daemon"
    attacked = attack(
        f"""
def fit(recommender, data, params, run):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()", "{token}"])
    os.close(writer)
    os.read(reader, 1)
    run.checkpoint(recommender)
"""
    )
    assert attacked.outcome.kind is OutcomeKind.COMPLETED
    assert uids_of(token) == []


def test_a_stopped_process_is_killed(attack: Attack) -> None:
    attacked = attack("def fit(recommender, data, params, run):\n    os.kill(os.getpid(), signal.SIGSTOP)\n")
    assert attacked.outcome.kind is OutcomeKind.TIMED_OUT


def test_the_wall_clock_ends_a_validation_without_end(attack: Attack) -> None:
    attacked = attack(
        """
def fit(recommender, data, params, run):
    recommender.score = lambda history, users: [0 for _ in iter(int, 1)]
    run.checkpoint(recommender)
""",
        limits=Limits(training_s=1, wall_s=3),
    )
    assert attacked.outcome.kind is OutcomeKind.TIMED_OUT
    assert "wall clock" in attacked.outcome.reason


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_no_orphan_outlives_the_trusted_side(bundle: Path, number: signal.Signals) -> None:
    token = f"autorec-test-{os.getpid()}-orphan-{number}"
    train = f"""{START}
def fit(recommender, data, params, run):
    if os.fork() == 0:
        os.setsid()
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()", "{token}"])
    while True:
        run.checkpoint(recommender)
"""
    owner = OWNER.format(
        path=[str(Path(__file__).parents[2])],
        files={"model.py": MODEL, "train.py": train},
        data=str(bundle / "data"),
        query=str(bundle / "query"),
    )
    process = subprocess.Popen(
        [sys.executable, "-c", owner],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore Ctrl-C
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"under way\n"
    assert eventually(lambda: bool(uids_of(token))), "the daemon never ran"
    process.send_signal(number)
    process.wait(timeout=20)
    process.stdout.close()
    assert eventually(lambda: not uids_of(token)), "an orphan outlived the trusted side"
