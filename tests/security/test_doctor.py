"""`autorec doctor` tells the truth about the machine: with bubblewrap and without, for root and for a user."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from attacks import needs_bubblewrap

from autorec.domain.errors import IsolationError
from autorec.execution.canaries import CANARIES
from autorec.execution.mounts import Interpreter
from autorec.testing.isolation import make_tier, open_interpreter

pytestmark = needs_bubblewrap
ROOT = Path(__file__).parents[2]
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]


@pytest.fixture(scope="module")
def interpreter() -> Interpreter:
    try:
        make_tier("landlock")
        return open_interpreter()
    except IsolationError as error:
        pytest.skip(f"{error}; {error.fix}")


def doctor(
    interpreter: Interpreter, *arguments: str, path: str = os.environ["PATH"], user: tuple[str, ...] = ()
) -> Any:
    site = ":".join(map(str, interpreter.site))
    environment = {"PYTHONPATH": f"{ROOT}:{site}", "PATH": path, "AUTOREC_HOME": "/nonexistent"}
    command = [*user, str(interpreter.executable), "-B", "-m", "autorec", "doctor", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("as_root", [True, False], ids=["root", "user"])
def test_it_is_right_with_bubblewrap(interpreter: Interpreter, as_root: bool) -> None:
    if as_root and os.getuid() != 0:
        pytest.skip("not root")
    found = doctor(interpreter, user=() if as_root or os.getuid() != 0 else tuple(NOBODY))
    for tier in ("bwrap", "landlock"):
        assert found["tiers"][tier]["canaries"] == dict.fromkeys(CANARIES, True), found["tiers"][tier]
        assert found["tiers"][tier]["available"]
    assert found["verdict"] == "bwrap"
    assert (found["user"]["uid"] == 0) == as_root
    assert found["kernel"]["landlock"] >= 3
    assert found["kernel"]["openat2"] and found["kernel"]["pidfd"] and found["kernel"]["close_range"]
    assert set(found) >= {"cgroups", "apparmor", "gpu"}


def test_it_is_right_without_bubblewrap(interpreter: Interpreter, tmp_path: Path) -> None:
    for program in ("setpriv", "unshare"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    found = doctor(interpreter, path=str(tmp_path))
    assert not found["tiers"]["bwrap"]["available"]
    assert "apt-get install bubblewrap" in found["tiers"]["bwrap"]["fix"]
    assert found["tiers"]["landlock"]["available"]
    assert found["verdict"] == "none", "a weaker tier is not taken unasked"
    asked = doctor(interpreter, "--isolation", "landlock", path=str(tmp_path))
    assert asked["verdict"] == "landlock"


def test_a_search_is_refused_with_the_fix_and_with_what_would_hold(interpreter: Interpreter, tmp_path: Path) -> None:
    for program in ("setpriv", "unshare"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    site = ":".join(map(str, interpreter.site))
    environment = {"PYTHONPATH": f"{ROOT}:{site}", "PATH": str(tmp_path), "AUTOREC_HOME": str(tmp_path / "home")}
    command = [
        str(interpreter.executable),
        "-B",
        "-m",
        "autorec",
        "search",
        "--budget",
        "3m",
        "--run",
        str(tmp_path / "r"),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 2
    assert "bubblewrap is not installed" in done.stderr
    assert "--isolation landlock" in done.stderr
    assert "Traceback" not in done.stderr
