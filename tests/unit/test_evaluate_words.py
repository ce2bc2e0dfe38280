"""What `evaluate` says of a candidate, to people."""

import pytest

from autorec.cli.checks import told_of
from autorec.domain.evaluation import Evaluation, Trained
from autorec.domain.job import OutcomeKind, Part, Stage, Usage

LOG = """epoch 1
Traceback (most recent call last):
  File "model.py", line 2, in build
    raise ValueError("no")
ValueError: no
"""
TRACEBACK = "\n".join(LOG.splitlines()[1:])


def trained(outcome: OutcomeKind, reason: str, evaluation: Evaluation | None = None) -> Trained:
    return Trained(
        candidate="c", stage=Stage.SEARCH, seed=1, outcome=outcome, reason=reason, tier="fake", usage=Usage(),
        evaluation=evaluation,
    )  # fmt: skip


@pytest.mark.parametrize("log", [LOG, LOG + "\n\n"])
def test_a_traceback_is_told_once(log):
    said = "\n".join(told_of(trained(OutcomeKind.CRASHED, TRACEBACK), log))
    assert "crashed: ValueError: no" in said
    assert said.count("Traceback") == 1
    assert said.count('raise ValueError("no")') == 1


def test_a_reason_that_is_not_in_the_log_is_told_whole():
    reason = "killed: its processes together used more than 64 MiB of memory"
    said = list(told_of(trained(OutcomeKind.OUT_OF_MEMORY, reason), "epoch 1"))
    assert f"out_of_memory: {reason}" in said
    assert "epoch 1" in said[-1]


def test_what_completed_is_told_with_its_metrics():
    judged = Evaluation(part=Part.SELECT, metrics={"ndcg@10": 0.25}, n_units=9)
    said = list(told_of(trained(OutcomeKind.COMPLETED, "finished", judged), ""))
    assert said[1:3] == ["completed: finished", "  ndcg@10        0.2500"]
