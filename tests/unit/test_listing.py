"""The list of candidates, the status of a run and one candidate's record: what they say, and that it fits."""

import json
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from autorec.cli.listing import DISPENSABLE, LEAST, candidate_table, fit
from autorec.domain import events as ev
from autorec.domain.job import Stage
from autorec.web.account import read_account
from tests.unit.report_runs import Told, finished

ENDED_EARLY = "the search ended before its turn (out of time)"


def half_way(path: Path) -> tuple[Told, str]:
    """A run with a candidate in training and one that waits."""
    told = Told(path)
    told.baseline("pop", 0.2)
    begun = told.candidate(None, trained=False)
    told.candidate(None, code="X = 2\n", trained=False)
    told.record(ev.Started(candidate=begun, stage=Stage.SEARCH, seed=1))
    return told, begun


def listed(told: Told, width: int) -> str:
    console = Console(file=StringIO(), width=width)
    state = read_account(told.folder).state
    console.print(candidate_table(state, at_work=True, width=width))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 160])
def test_numbers_ids_and_outcomes_are_whole_at_any_width(tmp_path, width):
    told = finished(tmp_path / "r")
    shown = listed(told, width)
    assert max(map(len, shown.splitlines())) <= width
    rows = [line.split() for line in shown.splitlines()[3:]]
    records = list(read_account(told.folder).state.records.values())
    assert [row[0] for row in rows] == [str(record.number) for record in records]
    for row, record in zip(rows, records, strict=True):
        assert {record.name or record.id[:10], str(record.search.outcome)} <= {*row}


def test_a_column_without_content_is_left_out(tmp_path):
    told = Told(tmp_path / "r")
    told.baseline("pop", 0.2)
    assert listed(told, 80).split("─")[0].split() == ["ndcg@10", "train", "#", "select", "s", "id", "how", "outcome"]


@given(st.fixed_dictionaries({name: st.integers(1, 60) for name in ("#", "id", *LEAST)}), st.integers(1, 200))
def test_what_may_not_be_cut_keeps_its_width(widths, room):
    fitted = fit(widths, room)
    assert (fitted["#"], fitted["id"]) == (widths["#"], widths["id"])
    assert all(fitted[name] >= min(widths[name], LEAST[name]) for name in LEAST if name in fitted)
    assert fitted == widths or sum(fitted.values()) <= room or not {*fitted} & {*DISPENSABLE}


def test_what_was_not_trained_says_why(tmp_path, say):
    told, begun = half_way(tmp_path / "r")
    going_on = say("list", tmp_path / "r")
    assert f"{begun[:10]} draft training" in going_on
    assert going_on.endswith("draft waiting")
    told.record(ev.SearchEnded(reason="out of time"))
    told.close()
    reasons = [c["reason"] for c in json.loads(say("list", tmp_path / "r", "--json"))["candidates"]]
    assert reasons == ["", ENDED_EARLY, ENDED_EARLY]
    assert f"not trained: {ENDED_EARLY}" in say("show", tmp_path / "r", begun)
    assert f"was not trained: {ENDED_EARLY}" in say("show", tmp_path / "r", begun, "--log")


def test_status_tells_a_run_at_work_from_an_interrupted_one_and_from_one_that_is_over(tmp_path, say):
    told, begun = half_way(tmp_path / "r")
    at_work = say("status", tmp_path / "r")
    assert "running: searching" in at_work
    assert f"under way {begun[:10]}" in at_work
    told.close()
    broken_off = say("status", tmp_path / "r")
    assert "interrupted after" in broken_off
    assert f"`autorec resume {tmp_path}/r` goes on" in broken_off
    assert f"broken off {begun[:10]}" in broken_off
    assert "under way" not in broken_off
    assert json.loads(say("status", tmp_path / "r", "--json"))["standing"] == "interrupted"
    assert "interrupted" in say("list", tmp_path / "r")
    finished(tmp_path / "over").close()
    assert "finished: out of time" in say("status", tmp_path / "over")


def test_a_name_that_nobody_has_and_one_that_several_share(tmp_path, say):
    finished(tmp_path / "r").close()
    assert "no candidate of this run is called 'zz'" in say("show", tmp_path / "r", "zz", expect=2)
    assert "6 candidates of this run begin with ''" in say("show", tmp_path / "r", "", expect=2)


def test_the_code_of_a_candidate_is_written_as_evaluate_and_seed_code_take_it(tmp_path, say):
    finished(tmp_path / "r").close()
    target = tmp_path / "my model"
    said = say("show", tmp_path / "r", "champion", "--code-to", target)
    assert f"autorec evaluate '{target}'" in said
    assert (target / "model.py").read_text() == "X = 2\n"
    assert "is not an empty folder" in say("show", tmp_path / "r", "champion", "--code-to", target, expect=2)
