"""The disk of the store is full: what is said, what is left, and that the run goes on once there is room.

On a small tmpfs, mounted where only the processes of the test see it.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from autorec.domain import events as ev
from autorec.store.folder import RunFolder
from tests.e2e.conftest import quick

pytestmark = pytest.mark.sandbox
SCRIPT = """
set -u
mount -t tmpfs -o size="$SIZE" tmpfs full
"$PYTHON" -m autorec "$@" --run full/r 2>first.err >first.out
echo $? >first.code
ls -A full >left
cp -r full/r stopped 2>/dev/null
mount -o remount,size=200m full
[ -d full/r ] || exit 0
"$PYTHON" -m autorec resume full/r --json 2>again.err >again.out
echo $? >again.code
cp -r full/r ended
"""


@pytest.fixture
def on_a_disk_of(isolation, small_log, tmp_path):
    """Runs a search on a disk of that size, then gives it room and resumes; returns the folder of what came out."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root can mount a disk of its own: run this as root, with util-linux")

    def run(size: str):
        (tmp_path / "full").mkdir()
        command = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            SCRIPT,
            "sh",
            *map(str, quick(small_log, candidates=2, baselines="pop")),
        ]
        environment = {**os.environ, "SIZE": size, "PYTHON": sys.executable, "AUTOREC_HOME": str(tmp_path / "home")}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.stderr == ""
        for name in ("first.err", "again.err"):
            if (tmp_path / name).exists():
                assert "Traceback" not in (tmp_path / name).read_text(), name
        return tmp_path

    return run


def recorded(run) -> list[ev.Event]:
    folder = RunFolder.open(run)
    events = list(folder.events.read())
    folder.close()
    return events


def test_a_run_that_has_no_room_to_begin_leaves_nothing(on_a_disk_of):
    folder = on_a_disk_of("64k")
    assert (folder / "first.code").read_text() == "2\n"
    said = (folder / "first.err").read_text()
    assert "error: " in said and "fix: free space" in said
    assert (folder / "left").read_text() == ""


def test_a_run_that_fills_the_disk_goes_on_once_there_is_room(on_a_disk_of):
    folder = on_a_disk_of("420k")
    assert (folder / "first.code").read_text() == "2\n"
    said = (folder / "first.err").read_text()
    assert "No space left on device" in said or "disk is full" in said
    assert "autorec resume" in said
    assert (folder / "again.code").read_text() == "0\n"
    assert json.loads((folder / "again.out").read_text())["champion"] is not None
    before, after = recorded(folder / "stopped"), recorded(folder / "ended")
    assert len(before) > 1
    assert after[: len(before)] == before
    assert isinstance(after[-1], ev.RunEnded)
    assert list((folder / "ended" / "objects").glob("*/tmp-*")) == []
