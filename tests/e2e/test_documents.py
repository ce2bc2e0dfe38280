"""Every command of the README and of docs/ runs as it is written, block after block, in a folder of the reader's.

A ```toml block whose first line names a file is that file.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autorec.testing.llm_server import ScriptedServer
from autorec.testing.replies import ScriptedDesigner
from tests.e2e import blocks
from tests.e2e.conftest import IMAGINED

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
FILE = re.compile(r"^```toml\n# (\S+\.toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ELSEWHERE = {
    "make": "what runs this test",
    "python examples/movielens.py": "needs a network",
    "AUTOREC_DATA=": "what runs this test",
    "autorec search --data data/ml-100k": "needs the download before it",
    "pip install": "changes the environment",
    ". .venv/bin/activate": "changes the environment",
    "autorec search --data ratings.csv --budget 20m --llm openai/gpt-5": "asks a model that costs money",
}
"""Beginnings of the commands that are not run here, and why."""
MODEL = """
import torch

class Fresh(torch.nn.Module):
    def __init__(self, data):
        super().__init__()
        self.register_buffer("counts", data.item_counts.float())

    def score(self, history, users):
        return self.counts.expand(len(users), -1)

def build(data, params):
    return Fresh(data)
"""


def documents() -> list[Path]:
    files = [blocks.ROOT / "README.md", *sorted((blocks.ROOT / "docs").glob("*.md"))]
    return [file for file in files if any(commands(file))]


def commands(document: Path) -> Iterator[str]:
    """Commands in order, but for those of `ELSEWHERE`."""
    return (command for command in blocks.commands(document) if not command.startswith(tuple(ELSEWHERE)))


@pytest.fixture(scope="module")
def prepared(isolation: str, small_log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has: a log, a candidate of one's own, a run named demo, and `autorec` on the path."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "ratings.csv").write_text(small_log.read_text())
    mine = desk / "my_model"
    mine.mkdir()
    (mine / "model.py").write_text(MODEL)
    (mine / "train.py").write_text("def fit(recommender, data, params, run):\n    run.checkpoint(recommender)\n")
    blocks.put_autorec_into(desk)
    blocks.carry_out("autorec search --data ratings.csv --budget 20m --run demo", desk, **IMAGINED)
    return desk


@pytest.fixture
def desk(prepared: Path, document: Path, tmp_path: Path) -> Path:
    """A copy for each document; one that makes the run itself finds none."""
    desk = shutil.copytree(prepared, tmp_path / "desk", symlinks=True)
    if "--run demo" in document.read_text():
        shutil.rmtree(desk / "runs" / "demo")
    for name, content in FILE.findall(document.read_text()):
        (desk / name).write_text(content)
    return desk


@pytest.mark.parametrize("document", documents(), ids=lambda file: file.name)
def test_the_commands_of_a_document_run_as_written(document: Path, desk: Path) -> None:
    """The search of the README trains; those after it are about what is done with one."""
    with ScriptedServer(ScriptedDesigner()) as server:
        for command in commands(document):
            asks_a_model = "--llm" in command or "--config" in command
            model = {"AUTOREC_SEARCH_API_BASE": server.base} if asks_a_model else {}
            imagined = IMAGINED if asks_a_model or document.name != "README.md" else {}
            blocks.carry_out(command, desk, OPENAI_API_KEY="sk-test", **model, **imagined)
