"""The commands around recordings and mailboxes, as a person types them."""

import io
import json
import shutil
import sys

import pytest

from autorec.cli.main import run
from autorec.llm.client import Message
from autorec.llm.letters import post
from autorec.llm.request import Request
from autorec.schemas.replayed import go_on_line, replayed_line
from tests.unit.recorded_runs import Designer, record


@pytest.fixture
def box(tmp_path, monkeypatch):
    """A mailbox with two letters, and its folder's folder as the current one."""
    monkeypatch.chdir(tmp_path)
    for word in ("one", "t\x1b[31mwo"):
        message = Message(role="user", content=word)
        post(tmp_path / "box", Request(model="mailbox:box", messages=(message,), max_tokens=9, temperature=1))
    return tmp_path / "box"


def said(capsys, *arguments: str, expect: int = 0) -> str:
    assert run(arguments) == expect
    out, err = capsys.readouterr()
    return out if expect == 0 else err


def test_what_is_said_of_a_replay_tells_who_vouches_for_it():
    played, again = {"llm": ["replay:tape"]}, {"llm": ["replay:tape"], "retrain": True}
    assert "nothing was trained or judged" in (replayed_line(played) or "")
    assert "Trained and judged here again" in (replayed_line(again) or "")
    assert replayed_line({"llm": ["openai/gpt-5"]}) is None
    assert go_on_line("r", {"llm": ["openai/gpt-5"]}) == "`autorec resume r` goes on"
    assert go_on_line("r", played).endswith("`autorec search --llm replay:tape` begins it anew")
    data = go_on_line("r", {**again, "data": "a b.csv"})
    assert data.endswith("`autorec search --llm replay:tape --retrain --data 'a b.csv'` begins it anew")


def test_a_mailbox_lists_shows_and_takes_answers(box, capsys, monkeypatch):
    listed = said(capsys, "mailbox", "box")
    assert "2 requests without a reply, 0 answered" in listed
    assert "nobody waits now" in listed
    assert "autorec mailbox box 1 --answer FILE" in listed
    shown = said(capsys, "mailbox", "box", "2")
    assert "t\\x1b[31mwo" in shown
    (box.parent / "mine.md").write_text("my reply")
    assert "letter 1 is answered" in said(capsys, "mailbox", "box", "1", "--answer", "mine.md")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("grüße".encode())))
    said(capsys, "mailbox", "box", "2", "--answer", "-")
    every = json.loads(said(capsys, "mailbox", "box", "--json"))["letters"]
    assert [letter["answered"] for letter in every] == [True, True]
    assert next(box.glob("0002-*.reply.md")).read_text() == "grüße"
    assert "0 requests without a reply, 2 answered" in said(capsys, "mailbox", "box")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("nowhere",), "there is no mailbox at nowhere"),
        (("box", "9"), "there is no letter 9"),
        (("box", "--answer", "mine.md"), "which letter is answered?"),
        (("box", "1", "--answer", "nothing.md"), "No such file"),
        (("box", "1", "--answer", "empty.md"), "the reply is empty"),
        (("box", "1", "--answer", "latin.md"), "the reply is not UTF-8 text"),
    ],
)
def test_a_mailbox_teaches(box, capsys, arguments, problem):
    (box.parent / "empty.md").write_text("\n")
    (box.parent / "latin.md").write_bytes(b"\xe9")
    err = said(capsys, "mailbox", *arguments, expect=2)
    assert problem in err
    assert "fix: " in err
    assert not list(box.glob("*.reply.md"))


def test_a_run_becomes_a_recording_and_the_recording_a_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "runs/r", Designer())
    assert "autorec search --llm replay:tape" in said(capsys, "cassette", "r", "tape")
    assert "exists and is not an empty folder" in said(capsys, "cassette", "r", "tape", expect=2)
    run(("search", "--llm", "replay:tape", "--run", "again", "--json"))
    out, err = capsys.readouterr()
    assert "nothing is asked, trained or paid" in err
    listed = [json.loads(said(capsys, "list", name, "--json")) for name in ("r", "again")]
    assert listed[0] == listed[1]
    status = [json.loads(said(capsys, "status", name, "--json")) for name in ("r", "again")]
    assert status[0]["champion"] == status[1]["champion"] == json.loads(out)["champion"]
    assert [each["replay_of"] for each in status] == [None, json.loads(out)["replay_of"]]
    assert json.loads(out)["replay_of"].endswith("/tape")
    assert not json.loads(out)["retrained"]
    told = " ".join(said(capsys, "status", "again").split())
    assert "replay of" in told
    assert "Replayed, not measured here" in told
    said(capsys, "report", "again", "--output", "page.html")
    assert "Replayed, not measured here" in (tmp_path / "page.html").read_text()
    shutil.copytree(tmp_path / "runs/r/objects", tmp_path / "runs/again/objects", dirs_exist_ok=True)
    assert "has no weights" in said(capsys, "export", "again", "champion", "away", expect=2)
    assert "hears only what was told then" in said(capsys, "stop", "again", expect=2)
    assert "leave it out" in said(capsys, "search", "--llm", "replay:tape", "--seed", "7", expect=2)
    assert "there is no recording at" in said(capsys, "search", "--llm", "replay:nowhere", expect=2)
    assert "there is no recording to train again" in said(capsys, "search", "--retrain", expect=2)
    assert "say where they are: --data" in said(capsys, "search", "--llm", "replay:tape", "--retrain", expect=2)
