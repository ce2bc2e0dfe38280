"""The ledger of test openings."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autorec.domain.errors import StoreError
from autorec.judging.ledger import TestLedger


def test_openings_are_counted_by_data_over_runs_and_splits(tmp_path: Path) -> None:
    path = tmp_path / "home" / "ledger.db"
    assert TestLedger(path).count("a") == 0
    assert TestLedger(path).open("a", "split 1", "run 1").count == 1
    assert TestLedger(path).open("b", "split 1", "run 1").count == 1
    assert TestLedger(path).open("a", "split 2", "run 2").count == 2
    assert TestLedger(path).count("a") == 2


def test_writers_at_once_each_get_a_count_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with ThreadPoolExecutor(4) as pool:
        openings = list(pool.map(lambda number: TestLedger(path).open("a", "s", f"run {number}"), range(12)))
    assert sorted(opening.count for opening in openings) == list(range(1, 13))


def test_a_ledger_that_is_no_database_is_an_error_with_a_fix(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("this is no database, and long enough to be sure of it\n" * 20)
    with pytest.raises(StoreError, match="cannot be used") as raised:
        TestLedger(path).open("a", "s", "run")
    assert raised.value.fix


def test_a_ledger_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        TestLedger(tmp_path / "file" / "ledger.db").open("a", "s", "run")
