"""Which system calls a candidate may make, in each tier with a filter; with the same calls from outside as control."""

import errno
import json
import platform
import subprocess
import sys
from collections.abc import Iterator

import pytest
from attacks import Attack

from autorec.domain.errors import IsolationError
from autorec.domain.job import MEBIBYTE, Limits, OutcomeKind
from autorec.execution.executor import SandboxExecutor
from autorec.testing.isolation import make_tier

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module", params=["container", "bwrap", "landlock"])
def executor(request: pytest.FixtureRequest) -> Iterator[SandboxExecutor]:
    try:
        made = SandboxExecutor(make_tier(request.param))
    except IsolationError as error:
        pytest.skip(f"{error}; {error.fix}")
    yield made
    made.close()


CALLS = """
import ctypes, errno, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": dict(ptrace=101, process_vm_readv=310, keyctl=250, bpf=321, io_uring_setup=425, perf_event_open=298,
                   userfaultfd=323, memfd_create=319, mount=165, unshare=272, setns=308, clone=56, shmget=29,
                   open_tree=428, add_key=248, personality=135, seccomp=317, quotactl=179),
    "aarch64": dict(ptrace=117, process_vm_readv=270, keyctl=219, bpf=280, io_uring_setup=425, perf_event_open=241,
                    userfaultfd=282, memfd_create=279, mount=40, unshare=97, setns=268, clone=220, shmget=194,
                    open_tree=428, add_key=217, personality=92, seccomp=277, quotactl=60),
}[os.uname().machine]
NEW_USER = 0x10000000
def error_of(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    return errno.errorcode.get(ctypes.get_errno(), "") if result == -1 else "done"
def family(number):
    try:
        socket.socket(number, socket.SOCK_RAW if number in (16, 17) else socket.SOCK_STREAM).close()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
def probe():
    n = NUMBERS
    here = ctypes.addressof(ctypes.create_string_buffer(64))
    return {
        **{name: error_of(n[name], *[-1] * 6) for name in n if name not in ("unshare", "clone", "memfd_create")},
        "memfd_create": error_of(n["memfd_create"], here, 0),
        "unshare user": error_of(n["unshare"], NEW_USER),
        "clone3": error_of(435, 0, 0),
        **{f"family {number}": family(number) for number in (2, 10, 16, 17, 38, 40)},
    }
"""
FIT = """
def fit(recommender, data, params, run):
    print("FOUND", json.dumps(probe()), flush=True)
"""


def test_calls_that_only_an_attack_makes_are_refused(attack: Attack) -> None:
    found = attack(CALLS + FIT).findings
    assert found.pop("clone3") == "ENOSYS"
    assert found.pop("unshare user") == "EPERM"
    families = {name: found.pop(name) for name in list(found) if name.startswith("family")}
    assert set(families.values()) <= {"EAFNOSUPPORT", "EPERM"}, families
    assert set(found.values()) == {"EPERM"}, found


def test_outside_the_same_calls_are_made() -> None:
    """The control: without the filter the kernel answers differently, or does what it is asked to."""
    script = CALLS + "import json; print(json.dumps(probe()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    outside = json.loads(done.stdout)
    assert outside["memfd_create"] == outside["family 2"] == outside["personality"] == "done"
    assert outside["clone3"] == "EINVAL"
    for call in ("ptrace", "process_vm_readv", "keyctl", "add_key", "shmget", "seccomp", "setns"):
        assert outside[call] not in ("EPERM", "ENOSYS"), call


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other machines speak neither i386 nor x32")
def test_calls_in_the_manner_of_another_architecture_do_not_exist(attack: Attack) -> None:
    """getpid as x32 has it, and through the gate of i386: `mov eax, 20; int 0x80; ret`."""
    found = attack(
        """
import mmap
libc = ctypes.CDLL(None, use_errno=True)
def i386_getpid():
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
def fit(recommender, data, params, run):
    x32 = libc.syscall(ctypes.c_long(0x40000000 + 39))
    print("FOUND", json.dumps({"x32": x32, "errno": ctypes.get_errno(), "i386": i386_getpid()}), flush=True)
"""
    ).findings
    assert found == {"x32": -1, "errno": errno.ENOSYS, "i386": -errno.ENOSYS}


def test_the_filter_binds_processes_and_threads_begun_later(attack: Attack) -> None:
    found = attack(
        CALLS
        + """
import threading
def fit(recommender, data, params, run):
    seen = {}
    thread = threading.Thread(target=lambda: seen.update(thread=error_of(NUMBERS["ptrace"], 0)))
    thread.start()
    thread.join()
    script = "import ctypes; l = ctypes.CDLL(None, use_errno=True); l.syscall(%d, 0); print(ctypes.get_errno())"
    command = [sys.executable, "-I", "-S", "-c", script % NUMBERS["ptrace"]]
    done = subprocess.run(command, capture_output=True, text=True)
    print("FOUND", json.dumps({**seen, "program": done.stdout.strip()}), flush=True)
"""
    ).findings
    assert found == {"thread": "EPERM", "program": str(errno.EPERM)}


TRAINING = """
import numpy as np, scipy.sparse.linalg, torch
from torch.utils.data import DataLoader, TensorDataset
def fit(recommender, data, params, run):
    rows = TensorDataset(torch.arange(64.0))
    seen = sum(float(batch.sum()) for (batch,) in DataLoader(rows, batch_size=8, num_workers=WORKERS))
    matrix = scipy.sparse.random(60, 60, density=0.2, random_state=0)
    values = scipy.sparse.linalg.svds(matrix, k=3)[1]
    layer = torch.nn.Linear(256, 256)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.randn(512, 256)).square().mean().backward()
    optimizer.step()
    solved = np.linalg.solve(np.eye(200) * 2, np.ones(200)).sum()
    torch.save(layer.state_dict(), os.environ["TMPDIR"] + "/layer.pt")
    kept = torch.load(os.environ["TMPDIR"] + "/layer.pt")
    print("FOUND", json.dumps({"seen": seen, "solved": solved, "svd": len(values), "kept": len(kept)}), flush=True)
    run.checkpoint(recommender)
"""


def test_training_goes_on_as_ever(attack: Attack, executor: SandboxExecutor) -> None:
    """Workers of a DataLoader, sparse and dense algebra, files in the temporary folder."""
    workers = 0 if executor.tier == "landlock" else 2
    attacked = attack(
        f"WORKERS = {workers}\n{TRAINING}",
        limits=Limits(training_s=20, wall_s=60, threads=2, memory_bytes=2048 * MEBIBYTE),
    )
    assert attacked.findings == {"seen": 2016.0, "solved": 100.0, "svd": 3, "kept": 2}
    assert attacked.outcome.kind is OutcomeKind.COMPLETED, attacked.outcome
    assert len(attacked.snapshots) == 1


def test_a_namespace_cannot_be_made_by_clone(attack: Attack) -> None:
    found = attack(
        CALLS
        + """
def clone(flags):
    child = libc.syscall(ctypes.c_long(NUMBERS["clone"]), ctypes.c_long(flags | signal.SIGCHLD), 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    return "done" if child > 0 and os.waitpid(child, 0)[0] == child else errno.errorcode[ctypes.get_errno()]
def fit(recommender, data, params, run):
    print("FOUND", json.dumps({"plain": clone(0), "user": clone(NEW_USER), "pid": clone(0x20000000)}), flush=True)
"""
    ).findings
    assert found == {"plain": "done", "user": "EPERM", "pid": "EPERM"}
