"""The canaries of the self-test hold, and fall where there is no sandbox."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from attacks import needs_bubblewrap

from autorec.execution.canaries import CANARIES, fly, told
from autorec.execution.executor import SandboxExecutor

pytestmark = needs_bubblewrap


def test_every_canary_holds(executor: SandboxExecutor) -> None:
    report, said = fly(executor)
    assert tuple(report) == CANARIES
    assert all(report.values()), said


def test_canaries_fall_where_there_is_no_sandbox(tmp_path: Path) -> None:
    """The control: outside, the very same attacks succeed, and the canaries say so."""
    shutil.copytree(Path(__file__).parents[2] / "sandbox" / "canary", tmp_path / "canary")
    secret = tmp_path / "secret"
    secret.write_text("labels")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = told(tmp_path, listener.getsockname()[1], secret, "none")
        (tmp_path / "canary" / "host.json").write_text(json.dumps(host))
        script = (
            "import signal, train; signal.pause = lambda: None; train.leave_grandchild = lambda token: None; "
            "train.protected = lambda host: ['outside']; train.fit(None, None, None, None)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": "canary"}, capture_output=True, check=True
        )
    findings = json.loads(done.stdout.decode().partition("canaries ")[2])
    assert not findings["network"][0]
    assert not findings["host files"][0]
    assert not findings["environment"][0]
    assert not findings["read-only"][0]
