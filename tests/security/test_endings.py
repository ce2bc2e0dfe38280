"""The wall clock, and what is left when the trusted side itself is killed; other endings are in `test_hostile.py`."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from attacks import MODEL, OWNER, START, Attack, eventually, leaves_daemon, needs_bubblewrap

from autorec.domain.job import Limits, OutcomeKind
from autorec.execution.canaries import uids_of

pytestmark = needs_bubblewrap


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
    train = START + leaves_daemon(token)
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
