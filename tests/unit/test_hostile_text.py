"""Text of strangers, in every place where one can write, on every face: shown, and never acted upon.

The run is `report_runs.hostile`: names of data and baselines, hypotheses, code, designs, reasons, logs and declined
replies all hold the same attack (control sequences, links, clipboard, bidi, markup of rich and of HTML).
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from autorec.cli.main import run
from autorec.cli.progress import Progress
from autorec.cli.terminal import Screen
from autorec.domain.fold import Fold
from autorec.domain.text import ACTS, plain
from autorec.store.folder import RunFolder
from tests.unit.report_runs import HOSTILE, hostile

OWN_STYLE = re.compile(r"\x1b\[[0-9;]*m")
LIVE = re.compile(r"\x1b\[(\?25[lh]|[0-9]*[AKG]|2K)|\r")
"""What rich writes to style text, and to draw a panel again."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    hostile(folder / "runs" / "r").close()
    (folder / "runs" / "evil\x1b]0;t\x07").mkdir()
    (folder / "runs" / "evil\x1b]0;t\x07" / "run.db").touch()
    return folder


@pytest.fixture(scope="module")
def candidates(told: Path) -> list[str]:
    with_records = RunFolder.open(told / "runs" / "r")
    fold = Fold()
    for event in with_records.events.read():
        fold.take(event)
    with_records.close()
    return list(fold.records)


def commands(candidates: list[str]) -> Iterator[tuple[str, ...]]:
    yield from (("list",), ("list", "r"), ("status", "r"), ("hypotheses", "r"), ("lessons", "r"))
    yield ("report", "r", "-o", "-")
    for candidate in candidates:
        yield from (("lineage", "r", candidate), ("lineage", "r", candidate, "--dot"), ("show", "r", candidate))
        for view in ("--code", "--log", "--prompt", "--reply", "--curve"):
            yield ("show", "r", candidate, view)
    yield ("diff", "r", candidates[1], candidates[3])


def acting(text: str) -> set[str]:
    """Characters that do something, newline and tab apart."""
    return {repr(c) for c in text if unicodedata.category(c) in ACTS and c not in "\n\t"}


@pytest.mark.parametrize("terminal", [False, True], ids=["piped", "terminal"])
def test_no_command_hands_an_attack_to_the_terminal(told, candidates, terminal, monkeypatch, capsys):
    monkeypatch.chdir(told)
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    seen = 0
    for arguments in commands(candidates):
        code = run(list(arguments))
        out, err = capsys.readouterr()
        assert code == 0, (arguments, err)
        assert acting(OWN_STYLE.sub("", out + err)) == set(), arguments
        assert "\x1b[31mred" not in out, arguments
        seen += "red" in out
    assert seen > 15  # the text itself is there


def test_rich_markup_of_strangers_is_text(told, candidates, monkeypatch, capsys):
    monkeypatch.chdir(told)
    for arguments in (("status", "r"), ("show", "r", candidates[1])):
        run(list(arguments))
        shown = "".join(capsys.readouterr().out.split())
        assert "[/b][bold]b[/bold][link=http://example.org]l[/link][/]:skull:" in shown, arguments


def test_json_is_ascii(told, candidates, monkeypatch, capsys):
    monkeypatch.chdir(told)
    for arguments in (
        ("status", "r"),
        ("list", "r"),
        ("hypotheses", "r"),
        ("lessons", "r"),
        ("show", "r", candidates[1]),
    ):
        assert run([*arguments, "--json"]) == 0
        out = capsys.readouterr().out
        assert out.isascii() and acting(out) == set()
        json.loads(out)


@pytest.mark.parametrize("terminal", [False, True], ids=["piped", "terminal"])
def test_progress_shows_every_event_as_text(told, terminal, monkeypatch, capsys):
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    folder = RunFolder.open(told / "runs" / "r")
    progress = Progress(Screen(stderr=True), budget_s=60.0, worked_s=0.0, max_usd=1.0)
    fold = Fold()
    with progress.live():
        for event in folder.events.read():
            fold.take(event)
            progress.listen(event, fold.snapshot())
    folder.close()
    said = LIVE.sub("", OWN_STYLE.sub("", capsys.readouterr().err))
    assert acting(said) == set()
    assert "red" in said
    assert "\x1b[31mred" not in said


@pytest.mark.parametrize("name", [f"no{HOSTILE}", "no\x1b]0;t\x07", "a\u202eb", "[/b]"])
def test_errors_repeat_names_as_text(name, told, monkeypatch, capsys):
    monkeypatch.chdir(told)
    for arguments in (("status", name.replace("\0", "")), ("show", "r", name), ("diff", "r", name)):
        assert run(list(arguments)) == 2
        out, err = capsys.readouterr()
        assert acting(OWN_STYLE.sub("", out + err)) == set(), arguments


def test_the_attack_is_whole():
    """The control: without `plain`, each kind of character is there to act."""
    assert {"'\\x1b'", "'\\x07'", "'\\x9b'", "'\\u202e'", "'\\u2066'", "'\\u2028'", "'\\x00'", "'\\r'"} <= acting(
        HOSTILE
    )
    assert acting(plain(HOSTILE)) == set()
    assert plain(plain(HOSTILE)) == plain(HOSTILE)
