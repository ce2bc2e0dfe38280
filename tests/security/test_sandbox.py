"""Candidates that attack. Each prints RAN, so that no test passes because nothing ran, and most have a control:
the same attack from outside the sandbox, where it works."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from autorec.domain.candidate import Candidate
from autorec.domain.job import MEBIBYTE, Job, JobKind, Limits, Outcome, OutcomeKind, Snapshot
from autorec.execution.bubblewrap import BubblewrapExecutor
from autorec.execution.canaries import CANARIES, fly, open_to_all, uids_of, write_bundle

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]

MODEL = """
import torch

class Constant(torch.nn.Module):
    def score(self, history, users):
        return torch.zeros(len(users), history.n_items)

def build(data, params):
    return Constant()
"""
START = """
import contextlib, ctypes, json, os, signal, socket, subprocess, sys, time
from pathlib import Path
print("RAN", flush=True)
def attempt(what):
    try:
        return repr(what())
    except BaseException as error:
        return type(error).__name__
"""
LIMITS = Limits(training_s=2.0, wall_s=30.0, grace_s=1.0, memory_bytes=1024 * MEBIBYTE, disk_bytes=32 * MEBIBYTE)


@dataclass(frozen=True, slots=True)
class Attacked:
    outcome: Outcome
    snapshots: list[Snapshot]

    @property
    def findings(self) -> dict[str, str]:
        """What the attack printed as `FOUND {...}`."""
        line = next(line for line in self.outcome.log.splitlines() if line.startswith("FOUND "))
        found: dict[str, str] = json.loads(line.removeprefix("FOUND "))
        return found


@pytest.fixture(scope="module")
def executor() -> Iterator[BubblewrapExecutor]:
    made = BubblewrapExecutor()
    yield made
    made.close()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    open_to_all(folder)
    return folder


Attack = Callable[..., Attacked]


@pytest.fixture
def attack(executor: BubblewrapExecutor, bundle: Path) -> Attack:
    def run(train: str, *, limits: Limits = LIMITS, expect_ran: bool = True) -> Attacked:
        snapshots: list[Snapshot] = []

        def observe(snapshot: Snapshot) -> bool:
            snapshots.append(snapshot)
            return False

        outcome = executor.run(training(bundle, train, limits), observe)
        assert not expect_ran or outcome.log.startswith("RAN"), f"the attack never ran: {outcome}"
        return Attacked(outcome, snapshots)

    return run


def training(bundle: Path, train: str, limits: Limits = LIMITS) -> Job:
    return Job(
        kind=JobKind.TRAIN,
        candidate=Candidate.of({"model.py": MODEL, "train.py": START + train}),
        data_dir=str(bundle / "data"),
        query_dir=str(bundle / "query"),
        seed=1,
        limits=limits,
    )


def test_every_canary_holds(executor: BubblewrapExecutor) -> None:
    report, said = fly(executor)
    assert tuple(report) == CANARIES
    assert all(report.values()), said


def test_canaries_fall_where_there_is_no_sandbox(tmp_path: Path) -> None:
    """The control: outside, the very same attacks succeed, and the canaries say so."""
    shutil.copytree(Path(__file__).parents[2] / "sandbox" / "canary", tmp_path / "canary")
    secret = tmp_path / "secret"
    secret.write_text("labels")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = {"port": listener.getsockname()[1], "secret": str(secret), "token": "none"}
        (tmp_path / "canary" / "host.json").write_text(json.dumps(host))
        script = (
            "import signal, train; signal.pause = lambda: None; train.leave_grandchild = lambda token: None; "
            "train.protected = lambda: ['outside']; train.fit(None, None, None, None)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": "canary"}, capture_output=True, check=True
        )
    findings = json.loads(done.stdout.decode().partition("canaries ")[2])
    assert not findings["network"][0]
    assert not findings["host files"][0]
    assert not findings["environment"][0]
    assert not findings["read-only"][0]


def test_no_network_of_any_kind(attack: Attack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind("\0autorec-test-" + str(os.getpid()))
        abstract.listen()
        found = attack(
            f"""
def unix():
    socket.socket(socket.AF_UNIX).connect("\\0autorec-test-{os.getpid()}")
def fit(recommender, data, params, run):
    print("FOUND", json.dumps({{
        "tcp": attempt(lambda: socket.create_connection(("127.0.0.1", {port}), 1)),
        "outside": attempt(lambda: socket.create_connection(("1.1.1.1", 53), 1)),
        "udp": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 53))),
        "dns": attempt(lambda: socket.getaddrinfo("example.org", 80)),
        "raw": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
        "abstract": attempt(unix),
        "interfaces": [name for _, name in socket.if_nameindex() if name != "lo"],
    }}))
"""
        ).findings
        abstract.close()
    assert found.pop("interfaces") == []
    assert set(found.values()) <= {"ConnectionRefusedError", "PermissionError", "OSError", "gaierror", "TimeoutError"}


def test_no_secrets_and_nothing_of_the_host_to_read(
    attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = tmp_path / "labels.npy"
    labels.write_text("secret-of-the-judge")
    tmp_path.chmod(0o755)
    labels.chmod(0o644)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    root = Path(__file__).parents[2]
    attacked = attack(
        f"""
def environments():
    return "".join(p.read_bytes().decode(errors="replace") for p in Path("/proc").glob("[0-9]*/environ")
                   if os.access(p, os.R_OK))
def fit(recommender, data, params, run):
    print("FOUND", json.dumps({{
        "labels": attempt(lambda: Path("{labels}").read_text()),
        "through_root": attempt(lambda: Path("/proc/1/root{labels}").read_text()),
        "passwd": attempt(lambda: Path("/etc/shadow").read_text()),
        "repository": attempt(lambda: Path("{root}/pyproject.toml").read_text()),
        "autorec": attempt(lambda: __import__("autorec.domain")),
        "memory": attempt(lambda: open("/proc/1/mem", "rb").read(1)),
        "processes": str(len(list(Path("/proc").glob("[0-9]*")))),
        "environments": environments() + str(dict(os.environ)),
    }}))
"""
    )
    found = attacked.findings
    assert int(found.pop("processes")) <= 4
    assert "sk-secret" not in found.pop("environments")
    assert "secret-of-the-judge" not in attacked.outcome.log
    assert set(found.values()) <= {"FileNotFoundError", "PermissionError", "ModuleNotFoundError", "OSError"}


def test_nothing_outside_the_work_folder_can_be_written(attack: Attack, bundle: Path) -> None:
    before = {file: file.read_bytes() for file in bundle.rglob("*") if file.is_file()}
    found = attack(
        """
import numpy, reckit
def fit(recommender, data, params, run):
    targets = ["/data/items.npy", "/data/new", "/query/users.npy", "/usr/new", "/new", "/etc/new", "/dev/new",
               reckit.__file__, numpy.__file__, os.path.dirname(numpy.__file__) + "/../evil.pth", os.__file__,
               "/proc/sys/kernel/core_pattern", "/proc/1/oom_score_adj", "/proc/sysrq-trigger"]
    print("FOUND", json.dumps({
        **{t: attempt(lambda: open(t, "ab").write(b"x")) for t in targets},
        "chmod": attempt(lambda: os.chmod("/data/items.npy", 0o777)),
        "unlink": attempt(lambda: os.unlink("/data/items.npy")),
        "control": attempt(lambda: open("/job/x", "ab").write(b"x")),
    }))
"""
    ).findings
    assert found.pop("control") == "1"
    assert set(found.values()) <= {"OSError", "PermissionError", "FileNotFoundError"}, found
    assert before == {file: file.read_bytes() for file in bundle.rglob("*") if file.is_file()}


def test_never_root_and_no_way_back_to_it(attack: Attack) -> None:
    found = attack(
        """
libc = ctypes.CDLL(None, use_errno=True)
def fit(recommender, data, params, run):
    status = Path("/proc/self/status").read_text()
    line = lambda name: status.partition("\\n" + name + ":")[2].split("\\n")[0].split()
    print("FOUND", json.dumps({
        "uids": line("Uid"), "capabilities": line("CapEff") + line("CapPrm") + line("CapBnd"),
        "no_new_privs": line("NoNewPrivs"),
        "setuid": attempt(lambda: os.setuid(0)), "setgid": attempt(lambda: os.setgid(0)),
        "mount": libc.mount(b"none", b"/job", b"tmpfs", 0, None),
        "su": subprocess.run(["su", "-c", "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode,
        "rlimit": attempt(lambda: __import__("resource").setrlimit(7, (99999, 99999))),
    }))
"""
    ).findings
    assert "0" not in found["uids"]
    assert {int(word, 16) for word in found["capabilities"]} == {0}
    assert found["no_new_privs"] == ["1"]
    assert {found["setuid"], found["setgid"]} <= {"PermissionError", "OSError"}
    assert found["mount"] == -1
    assert found["su"] != 0
    assert found["rlimit"] == "ValueError"


def test_a_new_user_namespace_does_not_open_the_files(attack: Attack) -> None:
    """Whether or not the kernel grants one, nothing can be mounted and nothing becomes writable."""
    found = attack(
        """
libc = ctypes.CDLL(None, use_errno=True)
def fit(recommender, data, params, run):
    granted = libc.unshare(0x10000000 | 0x00020000)
    print("FOUND", json.dumps({
        "granted": granted,
        "mount": libc.mount(b"none", b"/data", b"tmpfs", 0, None),
        "remount": libc.mount(b"none", b"/data", None, 32 | 4096, None),
        "unmount": libc.umount2(b"/data", 2),
        "write": attempt(lambda: open("/data/new", "wb")),
    }))
"""
    ).findings
    assert found["mount"] == found["remount"] == found["unmount"] == -1
    assert found["write"] in ("OSError", "PermissionError")


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


def test_flooding_the_control_socket_ends_the_job(attack: Attack) -> None:
    attacked = attack(f"{FORGED}\ndef fit(r, data, params, run):\n    while True:\n        say(event='started')\n")
    assert attacked.outcome.kind is OutcomeKind.MALFORMED
    assert "control socket" in attacked.outcome.reason


def test_closing_the_control_socket_is_a_failure_of_the_candidate(attack: Attack) -> None:
    attacked = attack("def fit(r, data, params, run):\n    os.close(3)\n    run.checkpoint(r)\n")
    assert attacked.outcome.kind is OutcomeKind.CRASHED
    assert attacked.snapshots == []


def test_sandboxes_do_not_see_each_other(attack: Attack) -> None:
    leave = (
        "def fit(r, data, params, run):\n    Path('/dev/shm/mark').write_text('1'); Path('/job/mark').write_text('1')\n"
    )
    look = """
def fit(r, data, params, run):
    print("FOUND", json.dumps({p: str(Path(p, "mark").exists()) for p in ("/dev/shm", "/job", "/job/tmp")}))
"""
    attack(leave)
    assert set(attack(look).findings.values()) == {"False"}


@pytest.mark.skipif(os.getuid() != 0, reason="already an ordinary user: every other test shows it")
def test_an_ordinary_user_has_the_same_sandbox() -> None:
    """Unprivileged user namespaces, as most people will run it."""
    here = Path(__file__).parents[2]
    site = next(path for path in map(Path, sys.path) if path.name == "site-packages" and (path / "torch").is_dir())
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
    python = next((p for p in (sys.executable, "/usr/bin/python3") if reaches(as_nobody, p, here, site)), None)
    if python is None:
        pytest.skip("an ordinary user cannot read this interpreter, its packages and this checkout")
    script = "from autorec.execution.tiers import probe; r = probe()['bwrap']; print(r.available, r.problem)"
    environment = {"PYTHONPATH": f"{here}:{site}", "PATH": os.environ["PATH"]}
    done = subprocess.run([*as_nobody, python, "-B", "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("True"), done.stdout + done.stderr


def reaches(as_nobody: list[str], python: str, *folders: Path) -> bool:
    """Whether the user can run this Python, of this version, and read the folders."""
    named = [str(folder) for folder in (*folders, Path(python).resolve())]
    same = f"sys.version_info[:2] == {sys.version_info[:2]}"
    script = f"import os, sys; sys.exit(not ({same} and all(os.access(path, 5) for path in {named})))"
    return subprocess.run([*as_nobody, python, "-c", script], capture_output=True, check=False).returncode == 0


def test_an_installed_autorec_runs_its_sandbox_and_stays_hidden_from_it(tmp_path: Path, bundle: Path) -> None:
    """As a wheel lays it out: the package in site-packages, the sandbox among its assets."""
    root, site = Path(__file__).parents[2], tmp_path / "site-packages"
    shutil.copytree(root / "autorec", site / "autorec", ignore=shutil.ignore_patterns("__pycache__", "_assets"))
    shutil.copytree(root / "sandbox", site / "autorec" / "_assets" / "sandbox")
    open_to_all(tmp_path)
    train = (
        START + "def fit(*_):\n    print('import:', attempt(lambda: __import__('autorec.domain.job')), flush=True)\n"
    )
    owner = OWNER.format(
        path=[str(site)],
        files={"model.py": MODEL, "train.py": train},
        data=str(bundle / "data"),
        query=str(bundle / "query"),
    )
    done = subprocess.run([sys.executable, "-c", owner], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "under way" in done.stdout, done.stderr
    assert "import: ModuleNotFoundError" in done.stdout


OWNER = """
import signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
from autorec.domain.candidate import Candidate
from autorec.domain.job import Job, JobKind, Limits
from autorec.execution.bubblewrap import BubblewrapExecutor
executor = BubblewrapExecutor()
def observe(snapshot):
    print("under way", flush=True)
    return False
job = Job(kind=JobKind.TRAIN, candidate=Candidate.of({files!r}), data_dir={data!r}, query_dir={query!r}, seed=1,
          limits=Limits(training_s=60, wall_s=90))
try:
    print(executor.run(job, observe).log)
finally:
    executor.close()
"""


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


def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> bool:
    tick = threading.Event()
    return any(condition() or tick.wait(0.05) for _ in range(int(within_s / 0.05)))


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
