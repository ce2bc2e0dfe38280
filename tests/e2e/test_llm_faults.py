"""The key dies in the middle of a search: what is recorded, what is said, and what `resume` does."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from autorec.domain import events as ev
from autorec.testing.llm_server import Entry, Fault, ScriptedServer
from autorec.testing.replies import ScriptedDesigner
from tests.e2e.conftest import Command, quick
from tests.e2e.test_kill import recorded

pytestmark = pytest.mark.sandbox
SET = "Set OPENAI_API_KEY to a key that may use this model."


class Account:
    """The script of a server whose key is good for so many calls; `mended` makes it good again."""

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self._designer = ScriptedDesigner()
        self.mended = threading.Event()
        self.refused = 0

    def __call__(self, request: dict) -> Entry:
        self._calls -= 1
        if self._calls >= 0 or self.mended.is_set():
            return self._designer(request)
        self.refused += 1
        return Fault(status=401, message="the key was revoked")


def flags(log: Path, server: ScriptedServer, candidates: int) -> tuple[object, ...]:
    model = ("--llm", "openai/scripted", "--api-base", server.base)
    return (*quick(log, *model, "--run", "r", candidates=candidates),)


def interrupt(
    autorec: Command, arguments: tuple[object, ...], when: Callable[[list[ev.Event]], bool]
) -> list[ev.Event]:
    """The events of a run that is killed once `when` holds of them."""
    run, process = autorec.folder / "runs" / "r", autorec.start(*arguments)
    deadline = time.monotonic() + 120
    while not when(recorded(run)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, recorded(run)
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    return recorded(run)


def lasting(events: list[ev.Event]) -> list[int]:
    return [e.ask for e in events if isinstance(e, ev.Rejected) and e.lasting]


def test_the_policy_goes_on_and_the_person_is_told(small_log, imagining):
    with ScriptedServer(Account(calls=1)) as server:
        process = imagining.start(*flags(small_log, server, candidates=3))
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    (at_once,) = [line for line in err.splitlines() if "openai/scripted is out since ask" in line]
    assert "the key was revoked" in at_once
    assert SET in at_once
    assert err.index(at_once) < err.index("search over")
    for later in (out, imagining("status", "r")):
        assert "openai/scripted is out since ask" in later
        assert SET in " ".join(later.split())
    result = imagining.json("status", "r")
    assert result["champion"] is not None
    assert result["candidates"] == 3
    assert SET in result["faults"]["openai/scripted"]["reason"]


def test_a_resumed_run_records_the_same_fault_once_and_goes_on_when_it_is_mended(small_log, imagining):
    account = Account(calls=0)
    with ScriptedServer(account) as server:
        first = interrupt(imagining, flags(small_log, server, candidates=500), lasting)
        assert "`autorec resume r` asks it again" in " ".join(imagining("status", "r").split())
        account.refused = 0
        again = interrupt(imagining, ("resume", "r"), lambda events: len(lasting(events)) > len(lasting(first)))
        assert again[: len(first)] == first
        taken_up = {e.number for e in first if isinstance(e, ev.Asked)}
        assert len([ask for ask in lasting(again) if ask not in taken_up]) <= 1
        account.mended.set()
        seen = len(again)

        def answered(events: list[ev.Event]) -> bool:
            admitted = [e for e in events[seen:] if isinstance(e, ev.Admitted)]
            return sum(e.plan.proposer == "llm" for e in admitted) > 2

        mended = interrupt(imagining, ("resume", "r"), answered)
    assert lasting(mended[seen:]) == []
    assert sum(isinstance(e, ev.TriedAgain) for e in mended) == 2
    with closing(sqlite3.connect(imagining.folder / "runs" / "r" / "run.db")) as database:
        sittings = database.execute("SELECT began, seen FROM sittings ORDER BY id").fetchall()
    assert len(sittings) == 3
    assert all(seen <= began for (_, seen), (began, _) in pairwise(sittings))  # the time between is not worked


def test_a_run_goes_on_without_its_key_and_ends_without_any_model(small_log, imagining, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    with ScriptedServer(Account(calls=2)) as server:
        interrupt(imagining, flags(small_log, server, candidates=4), lambda events: any(map(is_trained, events)))
    monkeypatch.delenv("OPENAI_API_KEY")
    interrupt(imagining, ("resume", "r"), lambda events: any(map(is_over, events)))
    for name in ("openai", "litellm"):
        package = imagining.folder / "no_sdk" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise ImportError('the finals need no SDK')\n")
    monkeypatch.setenv("PYTHONPATH", f"{imagining.folder / 'no_sdk'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    result = imagining.json("resume", "r")
    assert result["champion"] is not None
    assert result["candidates"] == 4
    assert "nothing answers at" in result["faults"]["openai/scripted"]["reason"]


def is_trained(event: ev.Event) -> bool:
    return isinstance(event, ev.Finished)


def is_over(event: ev.Event) -> bool:
    return isinstance(event, ev.SearchEnded)
