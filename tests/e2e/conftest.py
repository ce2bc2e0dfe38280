"""A small real log, and the command as a process of its own."""

import json
import os
import random
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from autorec.execution.tiers import try_tier

IMAGINED = {"AUTOREC_SEARCH_EXECUTOR": "tests.e2e.imagined:ImaginedExecutor"}


@pytest.fixture(scope="session")
def isolation() -> str:
    """The tier that this machine offers; without one the tests skip, and fail where CI demands one."""
    tier, report = try_tier("bwrap")
    if tier is None:
        problem = f"no isolation tier: {report.problem}. Fix: {report.fix}"
        if os.environ.get("AUTOREC_REQUIRE_ISOLATION"):
            pytest.fail(problem)
        pytest.skip(problem)
    return tier.name


@pytest.fixture(scope="session")
def small_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """180 users who mostly walk around a ring of 60 items: the last item tells the next one."""
    path = tmp_path_factory.mktemp("log") / "ring.csv"
    draw = random.Random(1)
    lines = ["user_id,item_id,timestamp"]
    for user in range(180):
        place = draw.randrange(60)
        for step in range(14):
            place = (place + draw.choice((1, 1, 1, 2, draw.randrange(60)))) % 60
            lines.append(f"user {user},item-{place},{1_600_000_000 + 977 * user + 86_400 * step}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment with the packages of this one, and without autorec."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin/python"
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.suffix != ".pth" and not entry.name.startswith(("autorec", "_editable", "__editable")):
            (site / entry.name).symlink_to(entry)
    tried = subprocess.run([str(python), "-c", "import autorec"], cwd=folder, env={}, capture_output=True, text=True)
    assert "No module named 'autorec'" in tried.stderr
    return python


@pytest.fixture
def say(elsewhere: Path) -> Any:
    """Run a command of the export in a folder, with no environment and no autorec; its standard output."""

    def say(folder: Path, *arguments: object, expect: int = 0) -> str:
        command = [str(elsewhere), "-W", "error", "-m", "recommender", *map(str, arguments)]
        done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, timeout=120)
        assert done.returncode == expect, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if expect == 0 else done.stderr

    return say


def interruptible() -> None:
    """Ctrl-C works in the child even where the tests themselves run in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command:
    """`autorec` in a folder of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self._environment = {"AUTOREC_SEARCH_FINALISTS": "1", "AUTOREC_SEARCH_SPARES": "0", **environment}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "autorec", *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **self._environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=interruptible,
        )

    def __call__(self, *arguments: object, expect: int = 0) -> str:
        done = self.start(*arguments)
        out, err = done.communicate(timeout=300)
        assert done.returncode == expect, err
        assert "Traceback" not in err
        return out

    def json(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def autorec(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def imagining(isolation: str, tmp_path: Path) -> Command:
    """`autorec` whose trainings take no time: for what goes on around them."""
    return Command(tmp_path, **IMAGINED)


def quick(log: Path, *more: object, candidates: int = 5, baselines: str = "pop,ease") -> Sequence[object]:
    """Flags of a search that takes seconds."""
    size = ("--max-candidates", candidates, "--population", 3, "--training", "2s", "--budget", "4m", "--workers", 2)
    return ("search", "--data", log, "--split", "loo", "--baselines", baselines, *size, "--seed", 1, *more)
