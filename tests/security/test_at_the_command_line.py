"""`autorec evaluate FOLDER --json` says what came of a hostile folder, whatever it is."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attacks import needs_bubblewrap
from stage import Stage
from suite import ATTACKS
from throw import sources

pytestmark = needs_bubblewrap
OUTCOMES = {
    "tcp": ["completed"],
    "symlink": ["malformed"],
    "leave_with_64": ["malformed"],
    "daemon_of_a_crash": ["crashed", "out_of_memory"],
    "stopped": ["timed_out"],
    "daemon_that_ignores_signals": ["timed_out"],
}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as made:
        yield made


@pytest.fixture(scope="module")
def said(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the command prints about each, two of them at a time."""
    categories = {attack.name: attack.category for attack in ATTACKS}

    def evaluate(name: str) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp(name)
        for file, text in sources(categories[name], [name], stage.told()).items():
            (folder / file).write_text(text)
        command = [sys.executable, "-m", "autorec", "evaluate", str(folder), "--json", "--training", "1s"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=Path.cwd())
        (line,) = done.stdout.splitlines()
        found: dict[str, Any] = json.loads(line)
        assert done.returncode == (0 if found["outcome"] == "completed" else 3), done.stderr
        return found

    with ThreadPoolExecutor(2) as crew:
        return dict(zip(OUTCOMES, crew.map(evaluate, OUTCOMES), strict=True))


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_hostile_folder_is_told_of(said: dict[str, dict[str, Any]], stage: Stage, name: str) -> None:
    told = said[name]
    assert f"RAN {name}" in told["log"], told
    assert told["outcome"] in OUTCOMES[name], told
    assert (told["select"] is not None) == (told["outcome"] == "completed")
    assert told["reason"]
    assert told["used"]["wall_s"] > 0
    assert told["used"]["cpu_s"] >= 0
    assert told["used"]["memory_bytes"] > 50 << 20
    assert all(character.isprintable() or character in "\n\t" for character in told["log"] + told["reason"])
    assert not stage.heard(name)
    assert not stage.survived(name)
