"""Every command of examples/README.md runs as it is written, one after another, in a copy of the folder."""

import shutil
from pathlib import Path

import pytest

from tests.e2e import blocks
from tests.e2e.conftest import IMAGINED

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
EXAMPLES = blocks.ROOT / "examples"
SHOWN = {
    "autorec evaluate": "completed",
    "own_search_space/tiny.yaml": "class Successors",
    "cd own_executor": "candidate,kind,outcome,wall_s,memory_mib",
    "cd own_metric": "rbp@10",
    "cd own_prompt": "what one answer costs",
    "cd from_python": "my candidate: completed",
    "replay:recorded_search": "Replayed, not measured here",
    "list recorded": "crossover",
    "lessons recorded": "by mailbox:letters",
    "lineage recorded": "champion",
}
"""By a part of the command, what it must print."""
AROUND = (
    "cd own_proposer",
    "cd own_metric",
    "cd own_prompt",
    "autorec search --data world.csv --budget 3m --seed-code",
)
"""Of these a training is no part."""


def commands() -> list[str]:
    return list(blocks.commands(EXAMPLES / "README.md"))


@pytest.fixture(scope="module")
def desk(isolation: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples with the log that they search on, and `autorec` on the path."""
    folder = shutil.copytree(EXAMPLES, tmp_path_factory.mktemp("desk") / "examples")
    blocks.put_autorec_into(folder)
    blocks.carry_out(commands()[0], folder)
    return folder


@pytest.mark.parametrize("command", commands()[1:])
def test_a_command_runs_as_written(command: str, desk: Path) -> None:
    imagined = IMAGINED if command.startswith(AROUND) else {}
    printed = blocks.carry_out(command, desk, AUTOREC_SEARCH_BASELINES="pop", **imagined)
    for part, shown in SHOWN.items():
        if part in command:
            assert shown in printed


def test_every_folder_is_listed_and_run() -> None:
    folders = {file.parent.name for file in EXAMPLES.rglob("*") if file.parent.parent == EXAMPLES}
    assert {folder for folder in folders if any(folder in command for command in commands())} == folders - {
        "__pycache__"
    }
