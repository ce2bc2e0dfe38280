"""The table of faults: each of them against a real HTTP server on loopback, and what the client must make of it."""

import pytest

from autorec.testing.llm_faults import CASES, KEY, differences, try_case


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_must_happen_happens(case):
    assert differences(case, try_case(case)) == []


def test_the_table_is_long_and_names_each_fault_once():
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_case_that_ends_otherwise_is_told():
    by_name = {case.name: case for case in CASES}
    wrong = differences(by_name["status 401"], try_case(by_name["an empty answer"]))
    assert any("failure: expected <class 'autorec.domain.errors.ModelError'>, came None" in line for line in wrong)
    assert any("does not say" in line for line in wrong)
