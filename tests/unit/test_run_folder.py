import errno
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys

import pytest

from autorec.domain import events as ev
from autorec.domain.errors import RunError, StoreError
from autorec.schemas.events import SCHEMA_VERSION
from autorec.store import folder as folder_module
from autorec.store.events import EventTable
from autorec.store.folder import RUNS, RunFolder, called, resolve_run

EVENT = ev.SearchEnded(reason="done")


def test_events_outlive_the_process(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    assert [folder.events.append(EVENT) for _ in range(3)] == [1, 2, 3]
    secret, run_id = folder.secret, folder.run_id
    folder.close()
    again = RunFolder.open(tmp_path / "run")
    assert list(again.events.read()) == [EVENT] * 3
    assert list(again.events.read(upto=2)) == [EVENT] * 2
    assert (again.secret, again.run_id) == (secret, run_id)
    assert len(secret) == 32


def test_readers_see_a_run_that_is_being_written(tmp_path):
    writer = RunFolder.create(tmp_path / "run")
    writer.events.append(EVENT)
    assert list(RunFolder.open(tmp_path / "run").events.read()) == [EVENT]


def test_a_run_in_use_is_refused_to_a_second_writer_of_another_process(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    code = (
        "import sys; from pathlib import Path; from autorec.store.folder import RunFolder\n"
        "from autorec.domain.errors import RunError\n"
        "try: RunFolder.open(Path(sys.argv[1]), write=True)\n"
        "except RunError as error: print(error)\n"
        "else: print('opened')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    during = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    folder.close()
    after = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "in use by another process" in during
    assert after == "opened\n"


def test_a_run_of_another_version_is_refused(tmp_path):
    RunFolder.create(tmp_path / "run").close()
    with sqlite3.connect(tmp_path / "run" / "run.db") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(RunError, match=f"another version of autorec: format 99, expected {SCHEMA_VERSION}"):
        RunFolder.open(tmp_path / "run")


def test_a_run_is_never_made_over_another(tmp_path):
    RunFolder.create(tmp_path / "run").close()
    with pytest.raises(RunError, match="holds a run already"):
        RunFolder.create(tmp_path / "run")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(RunError, match="not empty"):
        RunFolder.create(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize("content", [None, b"", b"not a database at all, but long enough to look at" * 30])
def test_what_is_no_run_is_refused(tmp_path, content):
    path = tmp_path / "run"
    if content is not None:
        path.mkdir()
        (path / "run.db").write_bytes(content)
    with pytest.raises(RunError):
        RunFolder.open(path)


def test_an_unwritable_place_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the run folder"):
        RunFolder.create(tmp_path / "file" / "run")


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("where", ["deep/er/run", "empty"])
@pytest.mark.parametrize(
    "step", ["autorec.store.events.EventTable.put_meta", "autorec.store.folder.secrets.token_hex", "pathlib.Path.chmod"]
)
def test_a_run_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch, step, where):
    (tmp_path / "empty").mkdir()
    with monkeypatch.context() as patch, pytest.raises(StoreError, match="cannot make the run folder") as caught:
        patch.setattr(step, full)
        RunFolder.create(tmp_path / where)
    assert "No space left" in str(caught.value)
    assert "another --run" in caught.value.fix
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]
    RunFolder.create(tmp_path / where).close()


def test_a_database_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(StoreError, match="cannot make the run folder"):
        patch.setattr("autorec.store.events._TABLES", "PRAGMA max_page_count=1; CREATE TABLE events (a); ")
        RunFolder.create(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_another_process_makes_meanwhile_is_left_alone(tmp_path, monkeypatch):
    take_lock = folder_module._take_lock

    def late(path):
        (path / "run.db").write_bytes(b"theirs")
        return take_lock(path)

    with monkeypatch.context() as patch, pytest.raises(RunError, match="holds a run already"):
        patch.setattr(folder_module, "_take_lock", late)
        RunFolder.create(tmp_path / "run")
    assert (tmp_path / "run" / "run.db").read_bytes() == b"theirs"


def test_a_run_that_cannot_be_opened_is_not_locked(tmp_path):
    RunFolder.create(tmp_path / "run").close()
    database = tmp_path / "run" / "run.db"
    content = database.read_bytes()
    database.write_bytes(b"not a database at all, but long enough to look at" * 30)
    with pytest.raises(RunError):
        RunFolder.open(tmp_path / "run", write=True)
    database.write_bytes(content)
    RunFolder.open(tmp_path / "run", write=True).close()


def test_what_a_dead_writer_left_is_swept_when_the_run_is_taken_up(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.objects.put(b"content")
    folder.close()
    left = next((tmp_path / "run" / "objects").iterdir()) / "tmp-dead"
    left.write_bytes(b"cont")
    RunFolder.open(tmp_path / "run").close()
    assert left.exists()
    RunFolder.open(tmp_path / "run", write=True).close()
    assert not left.exists()


@pytest.mark.parametrize(
    ("name", "write"),
    [("work", RunFolder.fresh_work), ("champion", lambda folder: folder.write_champion({"model.py": "x = 1\n"}))],
)
def test_a_folder_that_cannot_be_written_is_explained(tmp_path, name, write):
    folder = RunFolder.create(tmp_path / "run")
    (tmp_path / "run" / name).write_text("a file where a folder should be")
    with pytest.raises(StoreError, match=f"cannot .*{name}: File exists") as caught:
        write(folder)
    assert "autorec resume" in caught.value.fix


def test_a_full_disk_is_explained_and_loses_nothing(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.events.append(EVENT)
    pages = folder.events._db.execute("PRAGMA page_count").fetchone()[0]
    folder.events._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match="full") as caught:
        for _ in range(10_000):
            folder.events.append(ev.SearchEnded(reason="x" * 1000))
    assert "free disk space" in caught.value.fix
    assert next(iter(folder.events.read())) == EVENT


def test_names_and_paths():
    assert resolve_run("demo") == RUNS / "demo"
    assert str(resolve_run("somewhere/else")) == "somewhere/else"
    for bad in ("", ".hidden", "a b", "x" * 200, "\x1b[31m"):
        with pytest.raises(RunError):
            resolve_run(bad)


@pytest.mark.parametrize("given", ["demo", "./demo", "a.b/c", "/tmp/x y/demo", "runs/demo", "runs/a b", "demo/"])
def test_a_command_that_is_told_finds_the_same_run(given):
    path = resolve_run(given)
    (word,) = shlex.split(called(path))
    assert resolve_run(word) == path


def test_wall_clock_adds_up_over_sittings(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.events.begin_sitting()
    folder.events.touch_sitting()
    first = folder.events.worked_s()
    folder.events.begin_sitting()
    assert folder.events.worked_s() >= first >= 0


def test_the_start_up_of_a_process_counts(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    folder.events.begin_sitting(worked_s=7.0)
    assert 7 <= folder.events.worked_s() < 60
    folder.events.begin_sitting()
    assert 7 <= folder.events.worked_s() < 60


def test_while_a_process_rests_no_time_of_work_passes(tmp_path):
    """In the process, for whoever looks, and for the one that takes the run up after a kill."""
    seconds = 0.0
    path = tmp_path / "run.db"
    events = EventTable(path, create=True, wall=lambda: 1e9, steady=lambda: seconds)
    events.begin_sitting(worked_s=5.0)
    seconds = 10.0
    events.rest()
    seconds = 500.0
    events.rest()
    events.touch_sitting()
    assert events.worked_now_s() == events.worked_s() == events.worked_until_now_s() == 15.0
    events.append(ev.SearchEnded(reason="work goes on"))
    seconds = 520.0
    assert events.worked_now_s() == 35.0
    assert events.worked_until_now_s() == 35.0
    events.rest()
    seconds = 9_000.0  # killed here: nothing is closed
    looked_at = EventTable(path, read_only=True)
    assert looked_at.worked_s() == 35.0
    assert looked_at.moment(1) == 1e9 + 500.0
    after = EventTable(path, wall=lambda: 1e9 + 9_000.0, steady=lambda: seconds)
    after.begin_sitting(worked_s=2.0)
    seconds += 3.0
    assert after.worked_now_s() == 40.0
    for table in (events, looked_at, after):
        table.close()


@pytest.mark.parametrize("jump", [-1e9, -3600.0, 3600.0, 1e9])
def test_a_wall_clock_that_jumps_changes_no_time_of_work(tmp_path, jump):
    """Set while a process is at work, and again between two of them."""
    clock = iter([1e9, 1e9, 1e9 + jump, 1e9 + 2 * jump, 1e9 + 3 * jump])
    events = EventTable(tmp_path / "run.db", create=True, wall=lambda: next(clock))
    events.begin_sitting(worked_s=5.0)
    events.append(ev.SearchEnded(reason="first"))
    events.touch_sitting()
    assert 5.0 <= events.worked_s() < 20.0
    events.begin_sitting(worked_s=2.0)  # another process, on a clock that says something else
    events.append(ev.RunEnded(reason="second"))
    assert 7.0 <= events.worked_s() < 20.0
    sittings = events.sittings()
    assert all(began <= seen for began, seen in sittings)
    assert sittings[0][1] <= sittings[1][0]
    times = [moment for moment, _ in events.timed()]
    assert times == sorted(times)
    assert sittings[0][0] <= times[0] <= sittings[0][1] and sittings[1][0] <= times[1] <= sittings[1][1]
    events.close()


def test_closing_removes_scratch_and_discarding_everything(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    (folder.fresh_work() / "bundle").write_text("x")
    folder.close()
    assert not (tmp_path / "run" / "work").exists()
    assert (tmp_path / "run" / "run.db").exists()
    RunFolder.open(tmp_path / "run", write=True).discard()
    assert not (tmp_path / "run").exists()
    shutil.rmtree(tmp_path)
