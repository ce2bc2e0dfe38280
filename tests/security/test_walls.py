"""That there is a sandbox for whoever runs autorec, however it is installed; `test_hostile.py` throws things at it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from attacks import MODEL, OWNER, START, Attack, as_nobody, needs_bubblewrap

from autorec.execution.canaries import open_to_all

pytestmark = needs_bubblewrap


def test_nothing_of_root_is_left(attack: Attack) -> None:
    """The bounding set too, as far as whoever builds the sandbox may empty it."""
    found = attack(
        """
def fit(recommender, data, params, run):
    status = Path("/proc/self/status").read_text()
    line = lambda name: status.partition("\\n" + name + ":")[2].split("\\n")[0].split()
    print("FOUND", json.dumps({
        "uids": line("Uid"), "capabilities": line("CapEff") + line("CapPrm") + line("CapBnd"),
        "no_new_privs": line("NoNewPrivs"), "filtered": line("Seccomp"),
    }))
"""
    ).findings
    assert "0" not in found["uids"]
    assert {int(word, 16) for word in found["capabilities"]} == {0}
    assert (found["no_new_privs"], found["filtered"]) == (["1"], ["2"])


@pytest.mark.skipif(os.getuid() != 0, reason="already an ordinary user: every other test shows it")
def test_an_ordinary_user_has_the_same_sandbox() -> None:
    """Unprivileged user namespaces, as most people will run it."""
    script = "from autorec.execution.tiers import probe; r = probe()['bwrap']; print(r.available, r.problem)"
    command, environment = as_nobody("-B", "-c", script)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("True"), done.stdout + done.stderr


def test_an_installed_autorec_runs_its_sandbox_and_stays_hidden_from_it(tmp_path: Path, bundle: Path) -> None:
    """As a wheel lays it out: the package in site-packages, the sandbox among its assets."""
    root, site = Path(__file__).parents[2], tmp_path / "site-packages"
    shutil.copytree(root / "autorec", site / "autorec", ignore=shutil.ignore_patterns("__pycache__", "_assets"))
    shutil.copytree(root / "sandbox", site / "autorec" / "_assets" / "sandbox")
    open_to_all(tmp_path)
    train = (
        START + "def fit(*_):\n    print('import:', attempt(lambda: __import__('autorec.domain.job')), flush=True)\n"
    )
    owner = OWNER.format(
        path=[str(site)],
        files={"model.py": MODEL, "train.py": train},
        data=str(bundle / "data"),
        query=str(bundle / "query"),
    )
    done = subprocess.run([sys.executable, "-c", owner], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "under way" in done.stdout, done.stderr
    assert "import: ModuleNotFoundError" in done.stdout
