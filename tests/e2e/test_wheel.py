"""The wheel, installed where there is no checkout: assets travel, and a candidate trains."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from autorec.assets import assets
from autorec.proposers.space_code import SpaceCode
from autorec.schemas.space import load_space
from tests.unit.report_runs import finished

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment that holds the wheel; dependencies come from this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def say(python: Path, folder: Path, *arguments: object) -> str:
    command = [str(python), "-I", "-m", "autorec", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_runs_from_the_wheel_and_assets_travel(installed, tmp_path):
    names = "('prompts', 'search_spaces', 'sandbox', 'export')"
    code = f"import autorec, autorec.assets as a; print(autorec.__file__, *map(a.assets, {names}))"
    done = subprocess.run([str(installed), "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    where = [Path(path) for path in done.stdout.split()]
    assert all(installed.parents[1] in path.parents for path in where)
    assert (where[1] / "draft.j2").is_file()
    assert (where[2] / "retrieval.yaml").is_file()
    assert (where[3] / "reckit" / "__init__.py").is_file()
    assert (where[3] / "filters" / "x86_64-walled.bpf").is_file()
    assert (where[4] / "every_role" / "recommender" / "__init__.py").is_file()
    assert "search" in say(installed, tmp_path, "--help")
    assert "interactions" in say(installed, tmp_path, "data", "describe")


def test_the_report_is_made_from_the_wheel(installed, tmp_path):
    run = finished(tmp_path / "r").close()
    assert "report.html" in say(installed, tmp_path, "report", run)
    assert "</style>" in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.sandbox
def test_a_candidate_trains_from_the_wheel(isolation, installed, small_log, tmp_path):
    file = assets("search_spaces") / "retrieval.yaml"
    space = load_space(file)
    folder = tmp_path / "pop"
    folder.mkdir()
    for name, text in SpaceCode(space, file.parent).render(space.named("pop")).items():
        (folder / name).write_text(text)
    said = say(installed, tmp_path, "evaluate", folder, "--data", small_log, "--split", "loo", "--json")
    assert json.loads(said)["outcome"] == "completed"
