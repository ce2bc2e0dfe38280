"""`--unsafe-no-sandbox`: it works, it shouts, and nothing that it gives is believed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

CHECK = {
    "model.py": "import torch\n\nclass Zero(torch.nn.Module):\n    def score(self, history, users):\n"
    "        return torch.zeros(len(users), history.n_items)\n\ndef build(data, params):\n    return Zero()\n",
    "train.py": "import os\n\ndef fit(recommender, data, params, run):\n    print('uid', os.getuid())\n"
    "    run.checkpoint(recommender)\n",
}


def say(folder: Path, *arguments: object, expect: int = 0, home: Mapping[str, str] | None = None) -> tuple[str, str]:
    command = [sys.executable, "-m", "autorec", *map(str, arguments)]
    environment = {**os.environ, **(home or {})}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == expect, done.stderr
    return done.stdout, done.stderr


def test_one_candidate_is_tagged_and_the_warning_is_loud(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in CHECK.items():
        (folder / name).write_text(text)
    told, warned = say(tmp_path, "evaluate", folder, "--training", "1s", "--unsafe-no-sandbox")
    assert "NO SANDBOX" in warned
    assert "tier none" in told
    assert "completed" in told


def test_a_search_ends_without_a_champion_and_says_why(tmp_path: Path) -> None:
    run = tmp_path / "run"
    told, warned = say(
        tmp_path, "search", "--budget", "60s", "--training", "1s", "--max-candidates", "1", "--baselines", "pop",
        "--workers", "1", "--unsafe-no-sandbox", "--run", run, "--json", expect=3,
    )  # fmt: skip
    assert "NO SANDBOX" in warned
    summary = json.loads(told)
    assert summary["champion"] is None
    assert summary["tiers"] == ["none"]
    assert "without a sandbox" in summary["ended"]
    say(tmp_path, "report", run)
    page = (run / "report.html").read_text()
    assert "no result of this run is believed" in page
    assert "No sandbox" in page


@pytest.mark.sandbox
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_baselines_that_ran_without_a_sandbox_are_not_recalled_by_those_that_have_one(tmp_path: Path) -> None:
    command = ("baselines", "--baselines", "pop", "--training", "1s", "--workers", "1")
    home = {"AUTOREC_HOME": str(tmp_path / "home")}
    _, unsafe = say(tmp_path, *command, "--unsafe-no-sandbox", home=home)
    assert "NO SANDBOX" in unsafe
    _, first = say(tmp_path, *command, home=home)
    _, second = say(tmp_path, *command, home=home)
    assert "judge  controls: " in first
    assert "cached" not in first
    assert "cached" in second
