"""Whatever becomes of its keeper, no process of a sandbox without a PID namespace is left: it bears a mark."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from autorec.execution.canaries import uids_of
from autorec.execution.hold import Swept
from autorec.execution.mounts import Interpreter, keeper_command
from autorec.execution.process import Sandbox
from autorec.execution.watch import tree
from autorec.marks import mark_of
from autorec.scratch import remove_abandoned

DAEMON = """
import os, signal, sys
SLEEP = "import signal; signal.pause()"
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", SLEEP, sys.argv[1] + "-daemon"], {})
    os._exit(0)
signal.pause()
"""
OWNER = """
import sys
from functools import partial
from autorec.execution.hold import Swept
from autorec.execution.mounts import Interpreter, keeper_command
from autorec.execution.process import Sandbox
from autorec.marks import mark_of
from autorec.scratch import make_scratch
folder, lock = make_scratch()
mark = mark_of(folder)
python = Interpreter.current()
command = keeper_command(python, mark, [str(python.executable), "-I", "-S", "-c", sys.argv[1], sys.argv[2]])
sandbox = Sandbox(command, partial(Swept, mark))
print(sandbox.pid, folder, flush=True)
sys.stdin.read()
"""


def eventually(condition: Callable[[], object], within_s: float = 30.0) -> bool:
    tick = threading.Event()
    return any(condition() or tick.wait(0.02) for _ in range(int(within_s / 0.02)))


@pytest.fixture
def token() -> str:
    return f"autorec-test-{secrets.token_hex(8)}"


def daemons(token: str) -> int:
    return len(uids_of(f"{token}-daemon"))


def test_a_keeper_that_is_killed_from_outside_leaves_no_daemon(token: str, tmp_path: Path) -> None:
    mark, python = mark_of(tmp_path), Interpreter.current()
    command = keeper_command(python, mark, [str(python.executable), "-I", "-S", "-c", DAEMON, token])
    sandbox = Sandbox(command, partial(Swept, mark))
    assert eventually(lambda: daemons(token)), "the daemon never ran"
    os.kill(sandbox.pid, signal.SIGKILL)
    assert eventually(lambda: not sandbox.alive)
    assert daemons(token), "nothing was left, so this shows nothing"
    assert list(tree(sandbox.pid)) == [sandbox.pid], "its descendants could have been found without a mark"
    sandbox.close()
    assert not daemons(token)


def test_when_the_search_is_killed_too_the_next_one_ends_what_is_left(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    command, environment = (
        [sys.executable, "-c", OWNER, DAEMON, token],
        {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)},
    )
    owner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert owner.stdout is not None
    keeper, folder = owner.stdout.readline().split()
    assert eventually(lambda: daemons(token)), "the daemon never ran"
    remove_abandoned()
    assert daemons(token), "what a living search runs was killed"
    os.kill(int(keeper), signal.SIGSTOP)  # it hears of the end of the search, and can do nothing
    owner.kill()
    owner.communicate()
    os.kill(int(keeper), signal.SIGKILL)
    assert daemons(token), "nothing was left, so this shows nothing"
    remove_abandoned()
    assert not daemons(token)
    assert not Path(folder).exists()
