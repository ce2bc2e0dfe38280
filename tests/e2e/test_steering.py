"""A person tells a run something from another process while it searches, and sees what comes of it."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from autorec.domain.errors import RunError, UsageError
from autorec.domain.state import State
from autorec.journal import Journal
from autorec.store.folder import RunFolder
from autorec.testing.llm_server import ScriptedServer
from autorec.testing.replies import ScriptedDesigner
from autorec.wiring import approve
from tests.e2e.conftest import quick

pytestmark = pytest.mark.sandbox
SENTENCE, EFFECT = "tastes drift within a week", "ndcg@10 +0.01"


def state_of(run: Path) -> State | None:
    try:
        folder = RunFolder.open(run)
    except RunError:
        return None
    try:
        journal = Journal(folder.events)
        return None if journal.empty else journal.state
    finally:
        folder.close()


def wait_until(run: Path, holds: Callable[[State], bool]) -> State:
    """The state once it holds; whatever waits for approval meanwhile is approved."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        state = state_of(run)
        if state is not None and holds(state):
            return state
        if state is not None and state.awaiting:
            with suppress(UsageError):  # answered already, and not read yet
                approve(run, ["all"])
        time.sleep(0.05)
    raise AssertionError(f"it did not come about in time; the run is at {state_of(run)}")


def was_tested(state: State) -> bool:
    return any(r.hypothesis == SENTENCE and r.ok for r in state.candidates)


def test_a_hypothesis_told_in_mid_run_is_carried_to_a_candidate_and_a_stop_to_the_finals(
    small_log, imagining, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    run = imagining.folder / "runs" / "r"
    with ScriptedServer(ScriptedDesigner()) as server:
        flags = ("--llm", "openai/scripted", "--api-base", server.base, "--run", "r", "--approve", "--json")
        process = imagining.start(*quick(small_log, *flags, candidates=500))
        try:
            wait_until(run, lambda state: len(state.decided) > 0)
            decided = wait_until(run, lambda state: len(state.decided) > 1).decided
            for verb, candidate in zip(("pin", "ban"), decided, strict=False):
                assert "takes notice within seconds" in imagining(verb, "r", candidate[:10])
            assert "is a baseline" in refused(imagining, "pin", "r", "pop")
            assert "what is under way ends" in imagining("pause", "r")
            resting = wait_until(run, lambda state: state.resting)
            assert not resting.training and resting.search_ended is None
            assert "goes on" in imagining("resume", "r")
            wait_until(run, lambda state: len(state.decided) > len(resting.decided) and not state.paused)
            said = imagining("hypothesize", "r", SENTENCE, "--effect", EFFECT)
            assert "is read within seconds" in said
            assert "told this before" in refused(imagining, "hypothesize", "r", f"  {SENTENCE} ")
            wait_until(run, was_tested)
            imagining("stop", "r")
            _, errors = process.communicate(timeout=300)
        finally:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
        asked = ["\n".join(message["content"] for message in r["messages"]) for r in server.requests]
    assert process.returncode == 0, errors
    assert f"told a hypothesis: {SENTENCE}" in errors
    assert any(f"The effect that it predicts: {EFFECT}" in prompt for prompt in asked)
    state = state_of(run)
    assert state is not None
    assert state.search_ended == "a person asked it to stop"
    assert state.verdicts == {decided[0]: True, decided[1]: False}
    assert set(state.decided) <= state.approved
    listed = imagining("list", "r")
    assert "completed, pinned" in listed and "completed, banned" in listed
    assert state.champion is not None
    found = {f["sentence"]: f for f in imagining.json("hypotheses", "r")["hypotheses"]}
    mine = found[SENTENCE]
    assert (mine["by"], mine["predicted_effect"]) == ("a person", EFFECT)
    answer = next(a for a in mine["answers"] if a["difference"])
    assert answer["difference"]["low"] <= answer["difference"]["effect"] <= answer["difference"]["high"]
    assert mine["verdict"] in ("confirmed", "refuted", "open")
    assert any(f["by"] == "llm" for f in found.values())
    assert SENTENCE in imagining("hypotheses", "r")
    for form in ((), ("--dot",), ("--json",)):
        assert answer["candidate"][:10] in imagining("lineage", "r", answer["candidate"][:10], *form)
    for late in (("hypothesize", "r", "too late"), ("stop", "r")):
        assert "is over" in refused(imagining, *late)


def refused(autorec, *arguments: str) -> str:
    process = autorec.start(*arguments)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "fix: " in said
    return said
