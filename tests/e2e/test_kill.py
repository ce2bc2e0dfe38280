"""kill -9 in the middle, Ctrl-C in the middle: nothing recorded is lost or repeated, and nothing is left running."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from autorec.domain import events as ev
from autorec.domain.errors import RunError
from autorec.store.folder import RunFolder
from tests.e2e.conftest import quick

pytestmark = pytest.mark.sandbox


def recorded(run: Path) -> list[ev.Event]:
    try:
        return list(RunFolder.open(run).events.read())
    except RunError:
        return []


def wait_for(run: Path, done: int) -> list[ev.Event]:
    """The events once `done` trainings are recorded."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        events = recorded(run)
        if sum(isinstance(e, ev.Finished) for e in events) >= done:
            return events
        time.sleep(0.05)
    raise AssertionError(f"{done} trainings were not recorded in time; there are {len(recorded(run))} events")


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []


def test_kill_and_resume_again_and_again(isolation, small_log, autorec, tmp_path, monkeypatch):
    """While baselines train, while candidates do, and in the finals."""
    monkeypatch.setenv("AUTOREC_HOME", str(tmp_path / "home"))  # no baseline is cached here
    run = tmp_path / "runs" / "r"
    command, before = quick(small_log, "--run", "r", candidates=4), []
    for done in (1, 4, 8):
        process = autorec.start(*command)
        wait_for(run, done)
        children = family(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
        seen, before = before, recorded(run)
        assert before[: len(seen)] == seen
        assert_gone(children)
        command = ("resume", "r")

    result = autorec.json("resume", "r")
    after = recorded(run)
    assert after[: len(before)] == before
    finished = Counter((e.trained.candidate, e.trained.stage) for e in after if isinstance(e, ev.Finished))
    assert set(finished.values()) == {1}
    admitted = Counter(e.candidate for e in after if isinstance(e, ev.Admitted))
    assert set(admitted.values()) == {1}
    assert result["candidates"] == 4
    assert result["champion"] is not None
    assert isinstance(after[-1], ev.RunEnded)


def test_ctrl_c_saves_and_leaves_nothing_running(isolation, small_log, autorec, tmp_path):
    run = tmp_path / "runs" / "r"
    process = autorec.start(*quick(small_log, "--run", "r", candidates=4))
    before = wait_for(run, 1)
    children = family(process.pid)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "autorec resume r" in said
    assert "Traceback" not in said
    assert_gone(children)
    assert recorded(run)[: len(before)] == before
    assert not (run / "work").exists()
    assert autorec.json("resume", "r")["champion"] is not None


def test_a_run_in_use_is_refused(isolation, small_log, autorec, tmp_path):
    process = autorec.start(*quick(small_log, "--run", "r", candidates=4))
    try:
        wait_for(tmp_path / "runs" / "r", 1)
        second = autorec.start("resume", "r")
        _, said = second.communicate(timeout=60)
        assert second.returncode == 2
        assert "in use by another process" in said
        assert "r" in autorec("list")
        assert autorec.json("status", "r")["run"] == "runs/r"
    finally:
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
