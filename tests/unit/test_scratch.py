"""Temporary folders: gone at the end, and gone with the next one when their owner was killed."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autorec.scratch import PREFIX, scratch_folder

KILLED = """
import sys
from autorec.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "labels").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def owner() -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_folder_is_gone_at_the_end_also_of_a_failure(elsewhere: Path) -> None:
    with pytest.raises(RuntimeError), scratch_folder() as folder:
        (folder / "x").write_text("x")
        raise RuntimeError
    assert list(elsewhere.iterdir()) == []


def test_what_a_killed_owner_left_is_removed_by_the_next(elsewhere: Path) -> None:
    process, folder = owner()
    end(process)
    assert (folder / "labels").exists()
    with scratch_folder():
        assert not folder.exists()
    assert list(elsewhere.iterdir()) == []


def test_what_a_living_owner_uses_stays() -> None:
    process, folder = owner()
    with scratch_folder():
        assert (folder / "labels").exists()
    end(process)


def test_what_bears_a_like_name_and_no_lock_is_not_ours_to_remove(elsewhere: Path) -> None:
    (elsewhere / f"{PREFIX}notes").mkdir()
    with scratch_folder():
        pass
    assert (elsewhere / f"{PREFIX}notes").is_dir()
