"""A diagnosis as people and models are told it."""

import json

import pytest

from autorec.cli.main import run
from autorec.domain.candidate import Operator
from autorec.prompting.diagnosis import GAINS_TOLD, REPEATS_TOLD, diagnosis_facts, repeats
from autorec.testing.diagnoses import made_up
from autorec.testing.memory import MemoryObjects
from autorec.testing.states import Story
from tests.unit.report_runs import finished


@pytest.fixture
def shown(tmp_path, monkeypatch, capsys):
    finished(tmp_path / "runs" / "demo").close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def show(*arguments: str) -> str:
        assert run(["show", "demo", "champion", *arguments]) == 0
        return capsys.readouterr().out

    return show


def test_people_see_the_segments_and_the_gains_over_each_other_candidate(shown):
    said = shown()
    rows = {line.split(",")[0].strip(): line.split() for line in said.splitlines() if "items" in line}
    assert rows["middle"][-4:] == ["318", "0.1100", "+0.0121*", "+0.0121*"]
    assert rows["short"][-4:] == ["310", "0.1203", "+0.0004", "+0.0004"]
    assert rows["long"][-4:] == ["315", "0.0914", "-0.0098*", "-0.0098*"]
    for text in (
        "beside        ease: share of the top 10 in common 0.61; 120 gained, 98 lost, 725 unchanged",
        "curve         still rising at its end: undertrained",
        "items.weight 1,683 x 64: effective rank 21.4",
        "does (similarity 0.97)",
        "34 % of the catalogue",
    ):
        assert " ".join(text.split()) in " ".join(said.split())
    assert max(map(len, said.splitlines())) <= 80


def test_scripts_get_it_whole(shown):
    diagnosis = json.loads(shown("--json"))["search"]["diagnosis"]
    assert diagnosis["twin"]["similarity"] == 0.97
    assert diagnosis["examined"]["segments"][0]["span"] == "2 to 17 items"


def test_a_model_is_told_the_greatest_gains_and_the_least_used_tables_only():
    story = Story(MemoryObjects())
    base = story.tell({"model.py": "0"}, operator=Operator.BASELINE, value=0.1, name="pop")
    record = story.tell({"model.py": "1"}, value=0.2, diagnosis=made_up(against=(base.id,)))
    facts = diagnosis_facts(record, story.state())
    assert facts["against"][0]["who"] == "the baseline pop"
    assert [gain["name"] for gain in facts["against"][0]["better"]] == ["tail", "middle"]
    assert [gain["name"] for gain in facts["against"][0]["worse"]] == ["head", "long"]
    assert all(len(facts["against"][0][side]) <= GAINS_TOLD for side in ("better", "worse"))
    assert diagnosis_facts(base, story.state()) is None


def test_what_predicts_as_another_does_is_told_to_those_who_write_next():
    story = Story(MemoryObjects())
    first = story.tell({"model.py": "0"}, value=0.2)
    simpler = story.tell(
        {"model.py": "1"}, value=0.2, operator=Operator.SIMPLIFY, parents=(first.id,), diagnosis=made_up(twin=first.id)
    )
    assert repeats(story.state()) == []
    facts = diagnosis_facts(simpler, story.state())
    assert facts["twin"] == {"of": "#0", "similarity": 0.97, "as_meant": True}
    many = [story.tell({"model.py": f"x{i}"}, value=0.1, diagnosis=made_up(twin=simpler.id)) for i in range(9)]
    told = repeats(story.state())
    assert [row["number"] for row in told] == [record.number for record in many[-REPEATS_TOLD:]]
    assert {row["of"] for row in told} == {"#1"}
