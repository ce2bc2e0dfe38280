"""The landlock tier, where the machine is in sight: as root, who gives each job a uid of its own, and as a user.

Each attack also runs in the tier `none`, where it succeeds.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks import MODEL, START

from autorec.domain.errors import IsolationError
from autorec.execution.canaries import uids_of
from autorec.testing.isolation import make_tier

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[2]
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
OWNER = """
import json, os, signal, sys
from autorec.domain.candidate import Candidate
from autorec.domain.job import MEBIBYTE, Job, JobKind, Limits
from autorec.execution.executor import SandboxExecutor
from autorec.testing.isolation import make_tier
made = json.load(sys.stdin)
limits = Limits(training_s=3, wall_s=30, grace_s=1, disk_bytes=32 * MEBIBYTE, inodes=500)
job = Job(kind=JobKind.TRAIN, candidate=Candidate.of(made["files"]), data_dir=made["data"], query_dir=made["query"],
          seed=1, limits=limits)
executor = SandboxExecutor(make_tier(made["tier"]))
def observe(snapshot):
    for sandbox in executor._live if made["kill_keeper"] else ():
        os.kill(sandbox.pid, signal.SIGKILL)
    return False
try:
    outcome = executor.run(job, observe)
finally:
    executor.close()
print(json.dumps({"kind": outcome.kind, "reason": outcome.reason, "log": outcome.log}))
"""


@pytest.fixture(params=["root", "user"])
def user(request: pytest.FixtureRequest) -> list[str]:
    """How the search is started: by root, or by an ordinary user."""
    try:
        make_tier("landlock")
    except IsolationError as error:
        pytest.skip(f"{error}; {error.fix}")
    if request.param == "root" and os.getuid() != 0:
        pytest.skip("not root")
    return NOBODY if request.param == "user" and os.getuid() == 0 else []


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for jobs that the user may write to, so that what is left there is seen."""
    with tempfile.TemporaryDirectory(prefix="autorec-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def run(
    train: str, bundle: Path, folder: Path, user: list[str], tier: str = "landlock", *, kill_keeper: bool = False
) -> dict[str, str]:
    """The outcome, of a search that has its temporary folder in `folder`; the keeper may be killed at a checkpoint."""
    made = {
        "files": {"model.py": MODEL, "train.py": START + train},
        "data": str(bundle / "data"),
        "query": str(bundle / "query"),
        "tier": tier,
        "kill_keeper": kill_keeper,
    }
    site = next(path for path in map(Path, sys.path) if path.name == "site-packages" and (path / "torch").is_dir())
    environment = {
        "PYTHONPATH": f"{ROOT}:{site}",
        "PATH": os.environ["PATH"],
        "TMPDIR": str(folder),
        "KEY": "sk-secret",
    }
    command = [*user, "/usr/bin/python3" if user else sys.executable, "-B", "-c", OWNER]
    done = subprocess.run(command, input=json.dumps(made), env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    outcome: dict[str, str] = json.loads(done.stdout)
    assert outcome["log"].startswith("RAN"), outcome
    return outcome


def findings(outcome: dict[str, str]) -> dict[str, str]:
    line = next(line for line in outcome["log"].splitlines() if line.startswith("FOUND "))
    found: dict[str, str] = json.loads(line.removeprefix("FOUND "))
    return found


LOOKING = """
def of_others(name):
    own = {{os.getpid()}}
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) not in own and attempt((process / name).read_bytes)[0] == "b":
            found.append(process.name)
    return len(found)
def fit(recommender, data, params, run):
    print("FOUND", json.dumps({{
        "secret": attempt(lambda: Path("{secret}").read_text()),
        "names": attempt(lambda: os.listdir("{folder}")),
        "etc": attempt(lambda: Path("/etc/passwd").read_text()[:4]),
        "code": attempt(lambda: Path("{root}/pyproject.toml").read_text()[:4]),
        "environ": of_others("environ"), "cmdline": of_others("cmdline"), "status": of_others("status"),
        "memory": attempt(lambda: open(f"/proc/{{os.getppid()}}/mem", "rb").read(1)),
        "descriptors": attempt(lambda: os.listdir(f"/proc/{{os.getppid()}}/fd")),
        "through root": attempt(lambda: Path("/proc/self/root{secret}").read_text()),
    }}), flush=True)
"""


def test_nothing_of_the_machine_is_read(user: list[str], bundle: Path, folder: Path) -> None:
    secret = folder / "labels"
    secret.write_text("labels of the judge")
    secret.chmod(0o644)
    train = LOOKING.format(secret=secret, folder=folder, root=ROOT)
    found = findings(run(train, bundle, folder, user))
    assert [found.pop(name) for name in ("environ", "cmdline", "status")] == [0, 0, 0]
    assert set(found.values()) <= {"PermissionError", "FileNotFoundError", "ProcessLookupError"}, found
    control = findings(run(train, bundle, folder, user, "none"))
    assert control["secret"] == control["through root"] == repr("labels of the judge")
    assert int(control["cmdline"]) > 0 < int(control["environ"])
    assert control["etc"] == repr("root")


CHANGING = """
def write(path):
    with open(path, "ab") as file:
        return file.write(b"x")
def fit(recommender, data, params, run):
    target = "{target}"
    own = Path(os.environ["HOME"], "own")
    print("FOUND", json.dumps({{
        "own": attempt(lambda: write(own)),
        "write": attempt(lambda: write(target)),
        "new": attempt(lambda: write(target + ".new")),
        "truncate": attempt(lambda: os.truncate(target, 0)),
        "empty": attempt(lambda: os.close(os.open(target, os.O_RDONLY | os.O_TRUNC))),
        "chmod": attempt(lambda: os.chmod(target, 0o600)),
        "chown": attempt(lambda: os.chown(target, -1, -1)),
        "utime": attempt(lambda: os.utime(target, (1, 1))),
        "xattr": attempt(lambda: os.setxattr(target, "user.x", b"x")),
        "link": attempt(lambda: os.link(target, Path(os.environ["HOME"], "link"))),
        "rename": attempt(lambda: os.rename(target, Path(os.environ["HOME"], "taken"))),
        "unlink": attempt(lambda: os.unlink(target)),
        "shm": attempt(lambda: write("/dev/shm/autorec-test-{pid}")),
    }}), flush=True)
"""


def test_nothing_of_the_machine_is_changed(user: list[str], bundle: Path, folder: Path) -> None:
    target = folder / "file"
    owner = 65534 if user else os.getuid()
    train = CHANGING.format(target=target, pid=os.getpid())

    def laid_out() -> os.stat_result:
        target.write_text("whole")
        os.chown(target, owner, owner)
        target.chmod(0o666)
        os.utime(target, (99, 99))
        return target.stat()

    before = laid_out()
    found = findings(run(train, bundle, folder, user))
    assert found.pop("own") == "1"
    assert set(found.values()) <= {"PermissionError", "OSError"}, found
    assert target.read_text() == "whole"
    assert (target.stat().st_mode, target.stat().st_mtime) == (before.st_mode, 99)
    assert not Path(f"/dev/shm/autorec-test-{os.getpid()}").exists()
    control = findings(run(train, bundle, folder, user, "none"))
    Path(f"/dev/shm/autorec-test-{os.getpid()}").unlink()
    assert control["write"] == control["shm"] == "1"
    assert control["chmod"] == control["utime"] == control["truncate"] == control["empty"] == "None"


REACHING = """
def connect(family, kind, address):
    made = socket.socket(family, kind)
    made.settimeout(2)
    made.connect(address)
def through_a_pair(address):
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"x", address)
def fit(recommender, data, params, run):
    unix = lambda address: attempt(lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, address))
    print("FOUND", json.dumps({{
        "path": unix("{folder}/socket"), "abstract": unix("\\0autorec-test-{pid}"),
        "tcp": attempt(lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", {port}))),
        "udp": attempt(lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 53))),
        "pair": attempt(lambda: through_a_pair("{folder}/datagrams")),
        "semaphore": attempt(lambda: __import__("multiprocessing").Semaphore()),
    }}), flush=True)
"""


def test_no_socket_of_the_machine_is_reached(user: list[str], bundle: Path, folder: Path) -> None:
    stream, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with stream, abstract, datagrams, socket.create_server(("127.0.0.1", 0)) as tcp:
        stream.bind(str(folder / "socket"))
        datagrams.bind(str(folder / "datagrams"))
        abstract.bind(f"\0autorec-test-{os.getpid()}")
        for made in (stream, abstract):
            made.listen()
        for name in ("socket", "datagrams"):
            (folder / name).chmod(0o777)
        train = REACHING.format(folder=folder, pid=os.getpid(), port=tcp.getsockname()[1])
        found = findings(run(train, bundle, folder, user))
        control = findings(run(train, bundle, folder, user, "none"))
    assert set(found.values()) <= {"PermissionError", "OSError"}, found
    assert control["path"] == control["abstract"] == control["tcp"] == control["udp"] == "None"
    assert control["pair"] == "None"


HARMING = """
import resource
def fit(recommender, data, params, run):
    victim = {victim}
    print("FOUND", json.dumps({{
        "keeper": attempt(lambda: os.kill(os.getppid(), 0)),
        "kill": attempt(lambda: os.kill(victim, signal.SIGUSR1)),
        "queue": ctypes.CDLL(None).sigqueue(victim, 10, None),
        "pidfd": attempt(lambda: signal.pidfd_send_signal(os.pidfd_open(victim), signal.SIGUSR1)),
        "limit": attempt(lambda: resource.prlimit(victim, resource.RLIMIT_NOFILE, (7, 7))),
        "priority": attempt(lambda: os.setpriority(os.PRIO_PROCESS, victim, 19)),
        "affinity": attempt(lambda: os.sched_setaffinity(victim, {{0}})),
        "own child": attempt(lambda: subprocess.Popen(["sleep", "9"]).kill()),
    }}), flush=True)
"""


def test_no_process_of_the_machine_is_harmed(user: list[str], bundle: Path, folder: Path) -> None:
    victim = subprocess.Popen([*user, sys.executable if not user else "/usr/bin/python3", "-c", VICTIM])
    try:
        train = HARMING.format(victim=victim.pid)
        found = findings(run(train, bundle, folder, user))
        assert found.pop("own child") == "None"
        assert found.pop("queue") == -1
        assert set(found.values()) <= {"PermissionError", "ProcessLookupError", "OSError"}, found
        assert victim.poll() is None
        control = findings(run(train, bundle, folder, user, "none"))
        assert control["limit"][0] == "("
        assert control["kill"] == control["priority"] == control["affinity"] == control["keeper"] == "None"
        assert victim.wait(timeout=10) == -signal.SIGUSR1
    finally:
        victim.kill()
        victim.wait()


VICTIM = "import signal; signal.pause()"


BOMBS = {
    "bytes": """
def fit(recommender, data, params, run):
    for count in range(1000):
        Path(os.environ["HOME"], str(count)).write_bytes(b"x" * (4 << 20))
    signal.pause()
""",
    "bytes without a name": """
def fit(recommender, data, params, run):
    held = []
    for count in range(100):
        file = open(Path(os.environ["HOME"], "hidden"), "w+b")
        os.unlink(file.name)
        file.write(b"x" * (4 << 20))
        file.flush()
        held.append(file)
    signal.pause()
""",
    "bytes in maps": """
import mmap
def fit(recommender, data, params, run):
    held = []
    for count in range(100):
        with open(Path(os.environ["HOME"], "hidden"), "w+b") as file:
            os.unlink(file.name)
            file.write(b"x" * (4 << 20))
            file.flush()
            held.append(mmap.mmap(file.fileno(), 4 << 20))
    signal.pause()
""",
    "files": """
def fit(recommender, data, params, run):
    for count in range(20_000):
        Path(os.environ["HOME"], str(count)).touch()
    signal.pause()
""",
    "depth": """
def fit(recommender, data, params, run):
    for _ in range(400):
        os.mkdir("d")
        os.chdir("d")
    signal.pause()
""",
    "a closed folder": """
def fit(recommender, data, params, run):
    os.mkdir("closed", 0o300)
    for count in range(20_000):
        Path("closed", str(count)).touch()
    signal.pause()
""",
}


@pytest.mark.parametrize(("bomb", "user"), list(zip(BOMBS, ("root", "user") * 3, strict=True)), indirect=["user"])
def test_what_is_too_much_for_the_disk_is_seen_killed_and_cleaned(
    bomb: str, user: list[str], bundle: Path, folder: Path
) -> None:
    """Not prevented: with no walls there is nothing that bounds it."""
    outcome = run(BOMBS[bomb], bundle, folder, user)
    assert outcome["kind"] == "crashed", outcome
    assert "it wrote more than 32 MiB or 500 files" in outcome["reason"]
    assert list(folder.iterdir()) == []


def test_whatever_is_left_is_removed(user: list[str], bundle: Path, folder: Path) -> None:
    train = """
def fit(recommender, data, params, run):
    os.symlink("/usr", "link")
    os.mkfifo("pipe")
    os.mkdir("read-only")
    Path("read-only", "file").touch()
    run.checkpoint(recommender)
"""
    assert run(train, bundle, folder, user)["kind"] == "completed"
    assert list(folder.iterdir()) == []
    assert Path("/usr/bin").is_dir()


STRAY = """
import resource
def fit(recommender, data, params, run):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        print("FOUND", json.dumps({{
            "shed": attempt(lambda: resource.setrlimit(10, (5, 5))),
            "shed as another": attempt(lambda: resource.prlimit(0, 10, (5, 5))),
            "hide": ctypes.CDLL(None).prctl(4, 0),
        }}), flush=True)
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()", "{token}"])
    os.close(writer)
    os.read(reader, 1)  # until that one runs
    while True:
        run.checkpoint(recommender)
"""


@pytest.mark.parametrize("user", ["user"], indirect=True)
def test_a_daemon_whose_keeper_is_killed_from_outside_is_found(user: list[str], bundle: Path, folder: Path) -> None:
    """That it could not be found without its mark is shown in `tests/unit/test_marks.py`."""
    token = f"autorec-test-{os.getpid()}-stray"
    outcome = run(STRAY.format(token=token), bundle, folder, user, kill_keeper=True)
    found = findings(outcome)
    assert found.pop("hide") == -1
    assert set(found.values()) == {"ValueError", "PermissionError"}, found
    assert outcome["kind"] != "completed", outcome
    assert uids_of(token) == []
    assert list(folder.iterdir()) == []


def test_sandboxes_side_by_side_do_not_reach_each_other(user: list[str], bundle: Path, folder: Path) -> None:
    """One leaves its process number and a file; the other looks for both while the first is there."""
    waiting = """
def fit(recommender, data, params, run):
    Path("mark").write_text("kept to myself")
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(3))
    print(os.getpid(), os.environ["HOME"], flush=True)
    while True:
        run.checkpoint(recommender)
"""
    looking = """
def fit(recommender, data, params, run):
    print("FOUND", json.dumps({{
        "files": attempt(lambda: Path("{home}/mark").read_text()),
        "new": attempt(lambda: Path("{home}/new").write_text("x")),
        "signal": attempt(lambda: os.kill({pid}, signal.SIGUSR1)),
        "memory": attempt(lambda: open("/proc/{pid}/mem", "rb").read(1)),
        "cmdline": attempt(lambda: Path("/proc/{pid}/cmdline").read_bytes()),
    }}), flush=True)
"""
    script = TWO.replace("WAITING", repr(START + waiting)).replace("LOOKING", repr(START + looking))
    site = next(path for path in map(Path, sys.path) if path.name == "site-packages" and (path / "torch").is_dir())
    environment = {"PYTHONPATH": f"{ROOT}:{site}", "PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    made = {"model": MODEL, "data": str(bundle / "data"), "query": str(bundle / "query"), "folder": str(folder)}
    command = [*user, "/usr/bin/python3" if user else sys.executable, "-B", "-c", script]
    done = subprocess.run(command, input=json.dumps(made), env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert first["kind"] == "completed", first
    found = findings(second)
    assert set(found.values()) <= {"PermissionError", "ProcessLookupError", "FileNotFoundError"}, found


TWO = """
import json, sys, threading
from pathlib import Path
from autorec.domain.candidate import Candidate
from autorec.domain.job import Job, JobKind, Limits
from autorec.execution.executor import SandboxExecutor
from autorec.execution.watch import tree
from autorec.testing.isolation import make_tier
made = json.load(sys.stdin)
def job(train):
    return Job(kind=JobKind.TRAIN, candidate=Candidate.of({"model.py": made["model"], "train.py": train}),
               data_dir=made["data"], query_dir=made["query"], seed=1, limits=Limits(training_s=20, wall_s=40))
executor = SandboxExecutor(make_tier("landlock"))
there, over = threading.Event(), threading.Event()
outcomes = {}
def observe(snapshot):
    there.set()
    return over.is_set()
def first():
    outcomes["first"] = executor.run(job(WAITING), observe)
thread = threading.Thread(target=first)
thread.start()
there.wait(60)
(home,) = [path for path in Path(made["folder"]).iterdir() if path.is_dir()]
with executor._lock:
    (sandbox,) = executor._live
pid = [pid for pid in tree(sandbox.pid) if pid != sandbox.pid][0]
second = executor.run(job(LOOKING.format(home=home, pid=pid)), lambda _: False)
over.set()
thread.join()
executor.close()
print(json.dumps([{"kind": o.kind, "log": o.log} for o in (outcomes["first"], second)]))
"""
