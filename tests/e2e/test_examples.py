"""Every command of examples/README.md runs as it is written, one after another, in a copy of the folder."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHORT = {
    "MAX_CANDIDATES": "3",
    "POPULATION": "2",
    "TRAINING": "1s",
    "FINALISTS": "1",
    "WORKERS": "2",
    "BASELINES": "pop,ease",
}
SHOWN = {
    "autorec evaluate": "completed",
    "own_search_space/tiny.yaml": "class Successors",
    "cd own_executor": "candidate,kind,outcome,wall_s,memory_mib",
    "cd own_metric": "rbp@10",
    "cd own_prompt": "what one answer costs",
    "cd from_python": "my candidate: completed",
}
"""By a part of the command, what it must print."""


def commands() -> list[str]:
    return [line for block in BLOCK.findall((ROOT / "examples/README.md").read_text()) for line in block.splitlines()]


@pytest.fixture(scope="module")
def desk(isolation: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples with the log that they search on, and `autorec` on the path."""
    folder = shutil.copytree(ROOT / "examples", tmp_path_factory.mktemp("desk") / "examples")
    command = folder / "bin" / "autorec"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m autorec "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    carry_out(commands()[0], folder)
    return folder


def carry_out(command: str, desk: Path) -> str:
    environment = {
        **os.environ,
        **{f"AUTOREC_SEARCH_{name}": value for name, value in SHORT.items()},
        "PATH": f"{desk / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-euc", command], cwd=desk, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("command", commands()[1:])
def test_a_command_runs_as_written(command: str, desk: Path) -> None:
    printed = carry_out(command, desk)
    for part, shown in SHOWN.items():
        if part in command:
            assert shown in printed


def test_every_folder_is_listed_and_run() -> None:
    folders = {file.parent.name for file in (ROOT / "examples").rglob("*") if file.parent.parent == ROOT / "examples"}
    assert {folder for folder in folders if any(folder in command for command in commands())} == folders - {
        "__pycache__"
    }
