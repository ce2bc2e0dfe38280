"""Limits on what the whole tree does, and that none is reached too early; bombs are in `test_hostile.py`."""

from attacks import Attack, needs_bubblewrap

from autorec.domain.job import MEBIBYTE, Limits, OutcomeKind

pytestmark = needs_bubblewrap


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


def test_a_name_that_is_no_text_hides_nothing(attack: Attack) -> None:
    attacked = attack(
        """
def fit(recommender, data, params, run):
    ctypes.CDLL(None).prctl(15, b"\\xff\\xfe", 0, 0, 0)
    held = []
    while True:
        held.append(bytearray(b"x" * (1 << 22)))
        run.checkpoint(recommender)
""",
        limits=Limits(training_s=20, wall_s=40, memory_bytes=600 * MEBIBYTE),
    )
    assert attacked.outcome.kind is OutcomeKind.OUT_OF_MEMORY, attacked.outcome


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
