"""A run that waits for people: what it says, and what they can say to it."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from autorec.cli.progress import Progress
from autorec.cli.terminal import Screen
from autorec.domain import events as ev
from autorec.domain.commands import Approve, Ban, Command, Pause, Resume, Stop
from autorec.journal import Journal
from autorec.web.account import read_account
from autorec.web.report import render
from autorec.wiring.pausing import end_pause
from tests.unit.report_runs import Told


def asking(path: Path) -> tuple[Told, list[str]]:
    """A run at work that asks, with three candidates that wait."""
    told = Told(path, approve=True)
    told.baseline("pop", 0.2)
    texts = ("order matters", "time \x1b[31mmatters", "both do")
    return told, [
        told.candidate(None, code=f"X = {i}\n", hypothesis=text, trained=False) for i, text in enumerate(texts)
    ]


def letters(told: Told) -> list[Command]:
    return [letter.command for letter in told.folder.inbox.after(0)]


def hear(told: Told) -> None:
    """What a process at work does at its next turn."""
    journal = Journal(told.folder.events)
    for letter in told.folder.inbox.after(journal.state.heard):
        journal.record(ev.Told(number=letter.number, command=letter.command))


def test_what_waits_for_approval_is_said_wherever_one_looks(tmp_path, say):
    told, ids = asking(tmp_path / "r")
    status = say("status", tmp_path / "r")
    assert "waits for approval since 20" in status
    assert f"3 candidates wait for approval: `autorec approve {tmp_path}/r`; the run rests until then" in status
    as_json = json.loads(say("status", tmp_path / "r", "--json"))
    assert (as_json["standing"], as_json["awaiting_approval"]) == ("waiting", ids)
    assert say("list", tmp_path / "r").count("waits for approval") == 3
    assert "not trained: it waits for the approval of a person" in say("show", tmp_path / "r", ids[0])
    assert say("hypotheses", tmp_path / "r").count("its candidate waits for the approval of a person") == 3
    page = render(read_account(told.folder))
    assert "3 candidates may be run once a person approves" in page
    assert f"autorec approve {tmp_path}/r" in page
    listed = say("approve", tmp_path / "r")
    assert "order matters" in listed and "time \\x1b[31mmatters" in listed
    assert "2 lines in model.py, train.py" in listed
    assert f"autorec show {tmp_path}/r {ids[0][:10]} --code" in listed
    waiting = json.loads(say("approve", tmp_path / "r", "--json"))["waiting"]
    assert [each["id"] for each in waiting] == ids
    assert (waiting[0]["hypothesis"], waiting[0]["lines"]) == ("order matters", {"model.py": 1, "train.py": 1})


def test_candidates_are_approved_and_refused_and_no_word_is_given_twice(tmp_path, say):
    told, ids = asking(tmp_path / "r")
    assert "the run takes notice within seconds" in say("approve", tmp_path / "r", ids[0][:10])
    assert "banned: #2" in say("ban", tmp_path / "r", ids[1], "--why", "it reads\n the labels")
    told_twice = say("approve", tmp_path / "r", ids[2], ids[0], expect=2)
    assert "waits for no approval: it was approved or refused just now" in told_twice
    assert letters(told) == [Approve(candidate=ids[0]), Ban(candidate=ids[1], why="it reads the labels")]
    hear(told)
    assert "it was run, and ended as completed" in say("approve", tmp_path / "r", "pop", expect=2)
    assert "it was refused" in say("approve", tmp_path / "r", ids[1], expect=2)
    assert "can be neither pinned nor banned" in say("pin", tmp_path / "r", ids[1], expect=2)
    state = read_account(told.folder).state
    assert (state.ready, state.awaiting, state.decided) == ((ids[0],), (ids[2],), (ids[1],))
    assert "approved: #3" in say("approve", tmp_path / "r", "all")
    assert "nothing waits for approval" in say("approve", tmp_path / "r")
    assert "nothing waits for approval" in say("approve", tmp_path / "r", "all", expect=2)
    reason = "a person refused it, and it was never run: it reads the labels"
    assert f"refused: {reason}" in say("show", tmp_path / "r", ids[1])
    assert "a person refused its candidate" in say("hypotheses", tmp_path / "r")
    assert json.loads(say("list", tmp_path / "r", "--json"))["candidates"][2]["reason"] == reason
    assert "1 decided, 0 failed, 1 refused" in say("status", tmp_path / "r")
    assert "0 failed, 1 refused" in render(read_account(told.folder))


def test_a_run_that_asks_nobody_says_so(tmp_path, say):
    told = Told(tmp_path / "r")
    candidate = told.candidate(None, trained=False)
    assert "asks nobody" in say("approve", tmp_path / "r", expect=2)
    assert "asks nobody" in say("approve", tmp_path / "r", candidate, expect=2)
    assert read_account(told.folder).state.ready == (candidate,)


def test_on_a_terminal_each_is_asked_about(tmp_path):
    told, ids = asking(tmp_path / "r")
    mine, theirs = pty.openpty()
    os.write(mine, b"what\nc\ny\nn\ns\n")
    command = [sys.executable, "-m", "autorec", "approve", str(tmp_path / "r")]
    plain = {**os.environ, "TERM": "dumb"}
    process = subprocess.run(command, stdin=theirs, stdout=theirs, stderr=theirs, env=plain, timeout=60, check=False)
    said = os.read(mine, 1 << 16).decode()
    os.close(mine)
    os.close(theirs)
    assert process.returncode == 0, said
    assert "X = 0" in said and "X = 1" not in said
    assert "the run takes notice" in said
    assert letters(told) == [Approve(candidate=ids[0]), Ban(candidate=ids[1])]


def test_a_run_is_paused_and_goes_on(tmp_path, say):
    told = Told(tmp_path / "r")
    waits = told.candidate(None, trained=False)
    assert "what is under way ends, and nothing new begins" in say("pause", tmp_path / "r")
    assert "is paused already" in say("pause", tmp_path / "r", expect=2)
    hear(told)
    status = say("status", tmp_path / "r")
    assert "paused since 20" in status
    assert f"`autorec resume {tmp_path}/r` goes on, `autorec stop {tmp_path}/r` ends it with its finals" in status
    assert json.loads(say("status", tmp_path / "r", "--json"))["standing"] == "paused"
    assert "A person has paused the run" in render(read_account(told.folder))
    assert "keeps the budget" in say("resume", tmp_path / "r", "--budget", "9m", expect=2)
    assert letters(told) == [Pause()]
    assert "goes on" in say("resume", tmp_path / "r")
    assert letters(told) == [Pause(), Resume()]
    hear(told)
    assert read_account(told.folder).state.ready == (waits,)
    assert "is in use by another process" in say("resume", tmp_path / "r", expect=2)
    told.close()
    assert "no process works on" in say("pause", tmp_path / "r", expect=2)


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "still in the inbox"])
def test_to_take_up_a_paused_run_ends_the_pause_unless_it_was_told_to_stop(tmp_path, heard):
    told = Told(tmp_path / "r")
    told.folder.inbox.tell(Pause())
    if heard:
        hear(told)
    assert end_pause(told.folder, read_account(told.folder).state)
    hear(told)
    state = read_account(told.folder).state
    assert not state.paused
    assert not end_pause(told.folder, state)
    told.folder.inbox.tell(Pause())
    told.folder.inbox.tell(Stop())
    hear(told)
    state = read_account(told.folder).state
    assert state.stop_asked and not state.paused


def test_the_progress_of_a_search_says_what_it_waits_for_once_and_lets_no_time_pass(tmp_path, capsys):
    told, ids = asking(tmp_path / "r")
    progress = Progress(Screen(stderr=True), budget_s=600.0, worked_s=9.0)
    journal = Journal(told.folder.events, (progress.listen,))
    progress.follow("r", journal.state)
    for number, command in enumerate((Pause(), Resume(), Approve(candidate=ids[0])), 1):
        journal.record(ev.Told(number=number, command=command))
    lines = [line.split(maxsplit=1)[1] for line in capsys.readouterr().err.splitlines()]
    held = "3 candidates wait for approval: `autorec approve r`; the run rests until then"
    assert lines == [
        held,
        "told to pause: what is under way ends, nothing new begins",
        "paused: `autorec resume r` goes on, `autorec stop r` ends it with its finals",
        "told to go on",
        held,
        f"{ids[0][:10]} is approved: it may be run",
    ]


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "still in the inbox"])
def test_a_run_that_was_told_to_stop_is_neither_paused_nor_asked_to_run_more(tmp_path, say, heard):
    told, ids = asking(tmp_path / "r")
    say("pause", tmp_path / "r")
    say("stop", tmp_path / "r")
    if heard:
        hear(told)
    for command in (["pause"], ["approve", ids[0]], ["approve", "all"]):
        assert "was told to stop" in say(command[0], tmp_path / "r", *command[1:], expect=2)
    assert "nothing waits for approval" in say("approve", tmp_path / "r")
    assert letters(told) == [Pause(), Stop()]
