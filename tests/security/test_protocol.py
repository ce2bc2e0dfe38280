"""What a candidate can tell the trusted side: early exits, planted results, forged statuses, time that is not so."""

import io
from dataclasses import replace

import numpy as np
import pytest
from attacks import LIMITS, Attack, needs_bubblewrap

from autorec.domain.job import OutcomeKind

pytestmark = needs_bubblewrap


@pytest.mark.parametrize("code", [0, 1, 64, 200])
def test_leaving_early_never_pays(attack: Attack, code: int) -> None:
    attacked = attack(f"def fit(recommender, data, params, run):\n    os._exit({code})\n")
    expected = OutcomeKind.MALFORMED if code in (0, 64) else OutcomeKind.CRASHED
    assert attacked.outcome.kind is expected
    assert attacked.snapshots == []


def test_a_segmentation_fault_is_a_crash(attack: Attack) -> None:
    attacked = attack("def fit(recommender, data, params, run):\n    ctypes.string_at(0)\n")
    assert attacked.outcome.kind is OutcomeKind.CRASHED
    assert "signal 11" in attacked.outcome.reason


FORGED = """
channel = socket.socket(fileno=3)
def say(**message):
    channel.send(json.dumps(message).encode())
"""


@pytest.mark.parametrize(
    "plant",
    [
        "os.symlink('/data/users.npy', target)",
        "os.symlink('/proc/self/mem', target)",
        "os.mkfifo(target)",
        "os.mkdir(target)",
        "open('/job/x', 'wb').write(b'x'); os.link('/job/x', target)",
        "pass",
    ],
    ids=["symlink", "symlink to memory", "fifo", "folder", "hard link", "missing"],
)
def test_a_planted_result_is_refused(attack: Attack, plant: str) -> None:
    attacked = attack(
        f"""{FORGED}
def fit(recommender, data, params, run):
    target = "/job/out/0.answer.npy"
    open("/job/out/0.state.safetensors", "wb").write(b"x")
    {plant}
    say(event="predicting", index=0)
    say(event="checkpoint", index=0)
    signal.pause()
""",
    )
    assert attacked.outcome.kind is OutcomeKind.MALFORMED, attacked.outcome
    assert "0.answer.npy" in attacked.outcome.reason
    assert attacked.snapshots == []


def test_a_huge_result_cannot_even_be_made(attack: Attack) -> None:
    found = attack(
        """
def fit(recommender, data, params, run):
    file = os.open("/job/out/0.answer.npy", os.O_CREAT | os.O_WRONLY)
    print("FOUND", json.dumps({"sparse": attempt(lambda: os.truncate(file, 1 << 40))}))
"""
    ).findings
    assert found == {"sparse": "OSError"}


def test_forged_statuses_change_nothing(attack: Attack) -> None:
    attacked = attack(
        f"""{FORGED}
def fit(recommender, data, params, run):
    say(event="ready"); say(event="work"); say(event="started"); say(event="finished", index=3)
    say(event="checkpoint", index=0); say(event="checkpoint", index=7); say(event="metric", ndcg=1.0)
    say(event="predicting", index=-1); say(ack=0, stop=True)
    channel.send(b"\\xff not json"); channel.send(b"[" * 4000)
    socket.send_fds(channel, [b'{{"event": "work"}}'], [os.open("/data", os.O_RDONLY)])
    channel.detach()
    run.checkpoint(recommender)
"""
    )
    assert attacked.outcome.kind is OutcomeKind.COMPLETED, attacked.outcome
    assert [s.index for s in attacked.snapshots] == [0]
    lists = np.load(io.BytesIO(attacked.snapshots[0].predictions), allow_pickle=False)
    assert sorted(lists[0]) == [0, 2]


def test_predicting_ends_with_the_answer_and_not_before(attack: Attack) -> None:
    """Told too early, *predicted* would make a slow prediction look quick."""
    attacked = attack(
        f"""{FORGED}
def fit(recommender, data, params, run):
    say(event="predicting", index=0)
    say(event="predicted", index=0)
    run.checkpoint(recommender)
"""
    )
    assert attacked.outcome.kind is OutcomeKind.MALFORMED, attacked.outcome
    assert "0.answer.npy" in attacked.outcome.reason
    assert attacked.snapshots == []


def test_an_answer_that_changes_after_it_was_announced_is_judged_as_it_was(attack: Attack) -> None:
    attacked = attack(
        f"""{FORGED}
def fit(recommender, data, params, run):
    open("/job/out/0.state.safetensors", "wb").write(b"x")
    open("/job/out/0.answer.npy", "wb").write(b"quick")
    say(event="predicting", index=0)
    say(event="predicted", index=0)
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        pass
    open("/job/out/0.answer.npy", "wb").write(b"slow and better")
    say(event="checkpoint", index=0)
    signal.pause()
"""
    )
    assert [(s.predictions, s.predict_s < 1) for s in attacked.snapshots] == [(b"quick", True)]


def test_predictions_larger_than_any_answer_are_not_read(attack: Attack) -> None:
    attacked = attack(
        f"""{FORGED}
def fit(recommender, data, params, run):
    open("/job/out/0.answer.npy", "wb").write(bytes(4097))
    say(event="predicting", index=0)
    say(event="predicted", index=0)
    signal.pause()
""",
        limits=replace(LIMITS, answer_bytes=4096),
    )
    assert attacked.outcome.kind is OutcomeKind.MALFORMED, attacked.outcome
    assert "expected at most 4096" in attacked.outcome.reason


def test_flooding_the_control_socket_ends_the_job(attack: Attack) -> None:
    attacked = attack(f"{FORGED}\ndef fit(r, data, params, run):\n    while True:\n        say(event='started')\n")
    assert attacked.outcome.kind is OutcomeKind.MALFORMED
    assert "control socket" in attacked.outcome.reason


def test_closing_the_control_socket_is_a_failure_of_the_candidate(attack: Attack) -> None:
    attacked = attack("def fit(r, data, params, run):\n    os.close(3)\n    run.checkpoint(r)\n")
    assert attacked.outcome.kind is OutcomeKind.CRASHED
    assert attacked.snapshots == []


def test_training_while_it_claims_to_predict_is_training(attack: Attack) -> None:
    limits = replace(LIMITS, training_s=1.0, predicting_s=1.0, grace_s=1.0)
    attacked = attack(
        """
def fit(recommender, data, params, run):
    def score(history, users):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            pass
        return torch.zeros(len(users), history.n_items)
    import torch
    recommender.score = score
    run.checkpoint(recommender)
""",
        limits=limits,
    )
    assert attacked.outcome.kind is OutcomeKind.TIMED_OUT
    assert attacked.outcome.usage.wall_s < 10
    assert attacked.snapshots == []


def test_more_validations_than_allowed_are_refused(attack: Attack) -> None:
    """The harness makes at most 20; a candidate that patches the harness gets no more out of the judge."""
    attacked = attack(
        """
def fit(recommender, data, params, run):
    run._validations = 10**6
    while True:
        run._due_s = 0.0
        run.checkpoint(recommender)
"""
    )
    assert attacked.outcome.kind is OutcomeKind.MALFORMED
    assert "more than 20 validations" in attacked.outcome.reason
    assert len(attacked.snapshots) == 20
