"""What a candidate can use up: memory, processes, disk, output."""

import pytest
from attacks import Attack, needs_bubblewrap

from autorec.domain.job import MEBIBYTE, Limits, OutcomeKind

pytestmark = needs_bubblewrap


@pytest.mark.parametrize("held", ["bytearray(1 << 22)", "torch.ones(1 << 20)"], ids=["python", "torch"])
def test_a_memory_hog_is_out_of_memory(attack: Attack, held: str) -> None:
    attacked = attack(
        f"""
import torch
def fit(recommender, data, params, run):
    held = []
    while True:
        held.append({held})
""",
        limits=Limits(training_s=20, wall_s=40, memory_bytes=600 * MEBIBYTE),
    )
    assert attacked.outcome.kind is OutcomeKind.OUT_OF_MEMORY, attacked.outcome
    assert attacked.outcome.usage.memory_bytes < 1200 * MEBIBYTE


def test_memory_counts_for_the_whole_tree(attack: Attack) -> None:
    """No process holds more than the limit, all together do."""
    attacked = attack(
        """
def fit(recommender, data, params, run):
    for _ in range(4):
        if os.fork() == 0:
            held = bytearray(b"x" * (200 << 20))
            signal.pause()
    signal.pause()
""",
        limits=Limits(training_s=20, wall_s=40, memory_bytes=600 * MEBIBYTE),
    )
    assert attacked.outcome.kind is OutcomeKind.OUT_OF_MEMORY, attacked.outcome


def test_forked_processes_that_share_their_pages_are_not_counted_twice(attack: Attack) -> None:
    attacked = attack(
        """
def fit(recommender, data, params, run):
    held = bytearray(b"x" * (100 << 20))
    for _ in range(4):
        if os.fork() == 0:
            signal.pause()
    while run.seconds_left > 0.5:
        run.checkpoint(recommender)
""",
        limits=Limits(training_s=2, wall_s=40, memory_bytes=700 * MEBIBYTE),
    )
    assert attacked.outcome.kind is OutcomeKind.COMPLETED, attacked.outcome


def test_a_fork_bomb_is_contained(attack: Attack) -> None:
    attacked = attack(
        """
def fit(recommender, data, params, run):
    born = 0
    try:
        while True:
            if os.fork() == 0:
                signal.pause()
            born += 1
    except OSError:
        print("FOUND", json.dumps({"born": born}), flush=True)
""",
        limits=Limits(training_s=5, wall_s=30, processes=32),
    )
    assert attacked.findings["born"] < 40
    assert attacked.outcome.kind is OutcomeKind.COMPLETED


def test_disk_and_inode_bombs_are_contained(attack: Attack) -> None:
    found = attack(
        """
def fill(folder):
    written = 0
    while True:
        with open(f"{folder}/big", "ab") as file:
            try:
                written += file.write(b"x" * (1 << 20))
            except OSError:
                file.truncate(0)
                return written
def litter(folder):
    for count in range(100_000):
        try:
            open(f"{folder}/{count}", "wb").close()
        except OSError:
            return count
def fit(recommender, data, params, run):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    print("FOUND", json.dumps({p: [fill(p), litter(p)] for p in ("/job", "/dev/shm")}))
    for file in Path("/job").glob("[0-9]*"):
        file.unlink()
""",
        limits=Limits(training_s=10, wall_s=30, disk_bytes=16 * MEBIBYTE, inodes=500),
    ).findings
    assert all(16 * MEBIBYTE >= int(size) > 0 and 0 < int(count) <= 500 for size, count in found.values()), found


def test_printing_beyond_what_is_printed_by_anyone_ends_the_job(attack: Attack) -> None:
    attacked = attack(
        """
def fit(recommender, data, params, run):
    while True:
        sys.stdout.write("y" * (1 << 20))
""",
        limits=Limits(training_s=20, wall_s=40, printed_bytes=8 * MEBIBYTE),
    )
    assert attacked.outcome.kind is OutcomeKind.CRASHED
    assert attacked.outcome.reason == "killed: it printed more than 8 MiB"
    assert attacked.outcome.usage.training_s < 10


def test_cpu_time_counts_for_the_whole_tree(attack: Attack) -> None:
    attacked = attack(
        """
def fit(recommender, data, params, run):
    for _ in range(4):
        os.fork()
    while True:
        pass
""",
        limits=Limits(training_s=40, wall_s=60, cpu_s=3),
    )
    assert attacked.outcome.kind is OutcomeKind.TIMED_OUT
    assert "CPU time" in attacked.outcome.reason


def test_printing_without_end_is_cut_and_harmless(attack: Attack) -> None:
    attacked = attack(
        """
def fit(recommender, data, params, run):
    for _ in range(50):
        sys.stdout.write("\\x1b[31mspam" + "y" * (1 << 20))
    print("THE END", flush=True)
    run.checkpoint(recommender)
""",
        limits=Limits(training_s=20, wall_s=40, output_bytes=64 << 10),
    )
    assert attacked.outcome.kind is OutcomeKind.COMPLETED
    assert len(attacked.outcome.log) < 70_000
    assert "bytes left out" in attacked.outcome.log
    assert attacked.outcome.log.endswith("THE END\n")
    assert "\x1b" not in attacked.outcome.log
