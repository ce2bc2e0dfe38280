"""The container tier, where an engine and the image are there: what it bounds, how it ends, what it leaves behind."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks import MODEL, OWNER, START, Attack, eventually, leaves_daemon

from autorec.domain.errors import IsolationError
from autorec.domain.job import MEBIBYTE, Limits, OutcomeKind
from autorec.execution.canaries import CANARIES, fly, uids_of
from autorec.execution.container import find_engine
from autorec.execution.executor import SandboxExecutor
from autorec.testing.isolation import make_tier

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def executor() -> Iterator[SandboxExecutor]:
    try:
        made = SandboxExecutor(make_tier("container"))
    except IsolationError as error:
        pytest.skip(f"{error}; {error.fix}")
    yield made
    made.close()


def containers() -> str:
    command = [str(find_engine()), "ps", "--all", "--quiet", "--filter", "name=autorec-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_every_canary_holds(executor: SandboxExecutor) -> None:
    report, said = fly(executor)
    assert report == dict.fromkeys(CANARIES, True), said


def test_bytes_files_processes_and_paths_are_bounded(attack: Attack) -> None:
    found = attack(
        """
def fill(folder):
    written = 0
    try:
        while True:
            with open(f"{folder}/big", "ab") as file:
                written += file.write(b"x" * (1 << 20))
    except OSError:
        os.unlink(f"{folder}/big")
        return written >> 20
def litter(folder):
    try:
        for count in range(100_000):
            open(f"{folder}/{count}", "wb").close()
    except OSError:
        return count
def bear():
    born = []
    try:
        while True:
            born.append(os.fork() or signal.pause())
    except OSError:
        for child in born:
            os.kill(child, 9)
        return len(born)
def fit(recommender, data, params, run):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    processes = len(list(Path("/proc").glob("[0-9]*")))
    print("FOUND", json.dumps({
        "job": fill("/job"), "shm": fill("/dev/shm"), "files": litter("/job/tmp"), "born": bear(),
        "seen": processes, "tmp": attempt(lambda: open("/tmp/x", "w")), "root": attempt(lambda: open("/x", "w")),
        "control": attempt(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect("/control")),
        "engine": attempt(lambda: open("/run/podman/podman.sock")),
    }))
""",
        limits=Limits(training_s=20, wall_s=60, disk_bytes=16 * MEBIBYTE, inodes=500, processes=40),
    ).findings
    assert 0 < int(found.pop("job")) <= 16
    assert 0 < int(found.pop("shm")) <= 16
    assert 0 < int(found.pop("files")) <= 500
    assert 0 < int(found.pop("born")) <= 40
    assert int(found.pop("seen")) <= 2
    assert set(found.values()) <= {"PermissionError", "FileNotFoundError", "OSError", "ConnectionRefusedError"}, found


def test_a_memory_hog_is_out_of_memory_and_a_loop_times_out_within_a_second(attack: Attack) -> None:
    hog = attack(
        """
def fit(recommender, data, params, run):
    held = []
    while True:
        held.append(bytearray(b"x" * (1 << 22)))
""",
        limits=Limits(training_s=20, wall_s=40, memory_bytes=600 * MEBIBYTE),
    )
    assert hog.outcome.kind is OutcomeKind.OUT_OF_MEMORY, hog.outcome
    loop = attack(
        "def fit(recommender, data, params, run):\n    while True:\n        pass\n",
        limits=Limits(training_s=1, wall_s=30, grace_s=0.5),
    )
    assert loop.outcome.kind is OutcomeKind.TIMED_OUT
    assert loop.outcome.usage.cpu_s > 0.05, "what it used is seen from outside"
    assert eventually(lambda: containers() == "", within_s=30)  # those of other tests come and go


def test_nothing_is_left_of_it_when_the_trusted_side_is_killed(executor: SandboxExecutor, bundle: Path) -> None:
    token = f"autorec-test-{time.monotonic_ns()}"
    train = START + leaves_daemon(token)
    owner = OWNER.format(
        path=[str(Path(__file__).parents[2])],
        files={"model.py": MODEL, "train.py": train},
        data=str(bundle / "data"),
        query=str(bundle / "query"),
    ).replace("bubblewrap import Bubblewrap", "container import Container as Bubblewrap")
    process = subprocess.Popen([sys.executable, "-c", owner], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"under way\n"
    assert eventually(lambda: bool(uids_of(token))), "the daemon never ran"
    process.kill()
    process.wait(timeout=20)
    process.stdout.close()
    assert eventually(lambda: not uids_of(token)), "an orphan outlived the trusted side"
    assert eventually(lambda: containers() == "", within_s=30)
