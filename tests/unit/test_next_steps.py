"""The commands that people are told to type next: they mean the same data, and none is told that would be refused."""

import io
import shlex
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from autorec.cli.main import run
from autorec.cli.summary import show_result
from autorec.cli.terminal import Screen
from autorec.domain import events as ev
from autorec.domain.resolution import nothing_valid
from autorec.schemas.config import SearchConfig
from autorec.schemas.flags import data_flags
from autorec.web.account import read_account
from autorec.web.report import render
from autorec.wiring.export import is_served
from tests.unit.report_runs import Told, finished, made_task

CLICKS = {
    "role": "ranking",
    "data": "/tmp/my clicks.csv",
    "columns": {"label": "clicked", "user": "it's"},
    "split": "temporal",
}
FLAGS = ["--data", "/tmp/my clicks.csv", "--role", "ranking", "--columns", "label=clicked,user=it's"]
FLAGS += ["--split", "temporal"]


def ranked(path: Path) -> Told:
    told = Told(path, replace(made_task(), role="ranking"), **CLICKS)
    base, best = told.baseline("lr", 0.2), told.candidate(0.3)
    told.generation((best,), decided=1)
    told.finals((best,), {best: 0.3, base: 0.2})
    return told


def commands(told: Told) -> list[str]:
    """What the report says to type."""
    page = render(read_account(told.folder))
    section = page[page.index('<section id="next">') :]
    return [unescape(part.split("</code>")[0]) for part in section.split("<code>")[1:]]


def end_of_search(told: Told) -> str:
    console = Screen()
    console.file, console.width = io.StringIO(), 200
    show_result(console, read_account(told.folder).state, "r", {"model.py": "x = 1"}, "r/champion", {})
    return console.file.getvalue()


def test_flags_of_the_data_are_those_that_were_given_quoted_for_a_shell() -> None:
    assert data_flags(SearchConfig().model_dump(mode="json")) == ""
    given = SearchConfig(**CLICKS, k_core=5, min_rating=3.5).model_dump(mode="json")
    assert shlex.split(data_flags(given)) == [*FLAGS[:6], "--min-rating", "3.5", "--k-core", "5", *FLAGS[6:]]


@pytest.mark.parametrize("verb", ["evaluate", "search"])
def test_the_report_goes_on_with_the_same_data_in_the_same_role(tmp_path: Path, verb: str) -> None:
    told = next(c for c in commands(ranked(tmp_path / "r")) if c.startswith(f"autorec {verb}") and "champion" in c)
    assert [part for part in shlex.split(told) if part in FLAGS] == FLAGS


def test_export_is_told_where_the_role_can_be_exported(tmp_path: Path) -> None:
    lists, clicks = finished(tmp_path / "a"), ranked(tmp_path / "b")
    for told in (lists, clicks):
        assert any("autorec export" in c for c in commands(told))
        assert "autorec export" in end_of_search(told)
    assert "--role ranking" in end_of_search(clicks)
    assert not is_served("a role without a folder in export/")


def test_a_search_that_is_over_tells_how_to_begin_another_on_the_same_data(tmp_path: Path, capsys) -> None:
    told = ranked(tmp_path / "r")
    told.folder.write_champion({"model.py": ""})
    told.close()
    assert run(["resume", f"{tmp_path}/r", "--budget", "5m"]) == 2
    fix = capsys.readouterr().err.split("autorec search ")[1]
    assert shlex.split(fix) == [*FLAGS, "--seed-code", f"{tmp_path}/r/champion", "--budget", "5m"]


def test_a_search_that_had_no_time_for_a_candidate_says_so_and_what_to_give(tmp_path: Path) -> None:
    told = Told(tmp_path / "r")
    told.baseline("pop", 0.1)
    told.record(ev.SearchEnded(reason="out of time"))
    told.record(ev.ChampionChosen(candidate=None, reason="no candidate could be judged on confirm"))
    told.record(ev.RunEnded(reason=nothing_valid(read_account(told.folder).state)))
    assert end_of_search(told).startswith(
        "Nothing valid was found: no candidate was trained; the search ended: out of time. Give more --budget. "
    )


def test_a_search_that_is_over_tells_what_can_be_done_where_no_folder_of_a_champion_is(tmp_path: Path, capsys) -> None:
    def fix_of(*arguments: str) -> str:
        assert run([*arguments]) == 2
        return capsys.readouterr().err.split("fix: ")[1].strip()

    told = ranked(tmp_path / "bare")
    told.close()
    fix = fix_of("resume", f"{tmp_path}/bare", "--budget", "5m")
    assert f"autorec show {tmp_path}/bare champion --code-to champion; then autorec search" in fix

    told = Told(tmp_path / "none")
    told.baseline("pop", 0.2)
    told.record(ev.SearchEnded(reason="out of time"))
    assert "`autorec status" in fix_of("export", f"{tmp_path}/none", "champion", str(tmp_path / "x"))
    told.folder.close()
    assert f"`autorec resume {tmp_path}/none`" in fix_of("export", f"{tmp_path}/none", "champion", str(tmp_path / "x"))
    fix = fix_of("resume", f"{tmp_path}/none", "--budget", "5m")
    assert fix == f"`autorec resume {tmp_path}/none`, without --budget, goes on with its finals"

    told = Told(tmp_path / "lost")
    told.baseline("pop", None)
    told.record(ev.SearchEnded(reason="out of time"))
    told.record(ev.ChampionChosen(candidate=None, reason="no candidate could be judged on confirm"))
    told.record(ev.RunEnded(reason="nothing valid was found"))
    told.close()
    assert fix_of("resume", f"{tmp_path}/lost", "--budget", "5m") == "begin a new one: autorec search --budget 5m"
    fix = fix_of("export", f"{tmp_path}/lost", "champion", str(tmp_path / "x"))
    assert fix.startswith("begin a new run with more --budget")


def test_code_at_the_end_of_a_search_is_never_broken(tmp_path: Path) -> None:
    console, line = Screen(), "x = " + " + ".join(["a_long_name"] * 30)
    console.file, console.width = io.StringIO(), 60
    show_result(console, read_account(finished(tmp_path / "r").folder).state, "r", {"model.py": line}, "r/champion", {})
    assert line in console.file.getvalue().splitlines()
