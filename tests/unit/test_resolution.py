"""What is said of a champion against the best baseline, in words."""

from dataclasses import replace

import pytest

from autorec.domain.events import Evidence
from autorec.domain.resolution import evidence_line
from autorec.domain.state import State
from autorec.testing.loop import TASK

EVIDENCE = Evidence(against="ease", effect=0.02, low=0.01, high=0.03, comparisons=3, n_units=500, verified=True)


def line(**changed: object) -> str:
    return evidence_line(State(seq=0, task=TASK, seed=0, evidence=replace(EVIDENCE, **changed)))


def test_the_level_is_said_with_what_it_was_corrected_for() -> None:
    assert "at 98.3 % (95 % corrected for 3 finalists)." in line()
    assert "[+0.0100, +0.0300] at 95.0 %. Baselines" in line(comparisons=1)


@pytest.mark.parametrize(("units", "said"), [(1, "It rests on 1 unit (users"), (7, "It rests on 7 units (users")])
def test_few_units_are_counted(units: int, said: str) -> None:
    assert said in line(n_units=units)


NO_TIME = "no time to train again; judged from the kept state"


def test_who_is_not_compared_alike_is_named_with_the_cause_those_of_one_cause_together() -> None:
    missing = {"pop": NO_TIME, "sasrec": "in the search it ended as crashed: " + "x" * 300, "ease": NO_TIME}
    said = line(verified=False, missing=missing)
    assert said.startswith("Better, but not verified: ")
    assert f"Not verified, since not compared alike: pop, ease ({NO_TIME}); sasrec (in the search it ended as" in said
    assert "x" * 100 not in said


def test_what_is_not_resolvable_names_them_as_well() -> None:
    said = line(low=-0.01, verified=False, missing={"pop": NO_TIME})
    assert said.startswith("Not resolvable here: ")
    assert said.endswith(f"Not compared alike: pop ({NO_TIME}).")
