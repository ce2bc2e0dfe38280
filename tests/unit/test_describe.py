"""What `describe` counts and what it warns of."""

import json

import numpy as np
import pytest

from autorec.tasks.canonical import Log, assemble
from autorec.tasks.datasets import Dataset
from autorec.tasks.describe import describe
from autorec.tasks.splits import split
from autorec.tasks.synthetic import SyntheticWorld, generate


def grid(n_users: int, n_items: int, times: np.ndarray | None) -> Dataset:
    log = Log(
        user_ids=tuple(f"u{i:04d}" for i in range(n_users)),
        item_ids=tuple(f"i{i:04d}" for i in range(n_items)),
        users=np.repeat(np.arange(n_users, dtype=np.int32), n_items),
        items=np.tile(np.arange(n_items, dtype=np.int32), n_users),
        times=times,
    )
    return assemble(log, name="grid")


def test_counts_and_ties() -> None:
    times = np.tile(np.array([0, 1, 2, 3, 4, 4], dtype=np.int64), 10)
    dataset = grid(10, 6, times)
    found = describe(dataset, split(dataset, "loo"))
    assert (found.users, found.items, found.interactions, found.density) == (10, 6, 60, 1.0)
    assert found.tied_rows == pytest.approx(1 / 3)
    assert found.tied_last_users == 10
    assert found.events_a_user == (6.0, 6.0, 6.0, 6.0, 6.0)
    assert (found.first_time, found.last_time) == ("1970-01-01T00:00:00+00:00", "1970-01-01T00:00:04+00:00")
    assert found.train_rows == 30
    assert found.parts["test"].warm_users == 10
    assert found.resolvable_ndcg == pytest.approx(0.158, abs=0.001)
    text = " ".join(found.warnings)
    assert "10 warm users in test" in text and "33.3% of rows" in text


def test_without_timestamps() -> None:
    dataset = grid(10, 10, None)
    found = describe(dataset, split(dataset))
    assert found.tied_rows is None and found.first_time is None
    assert any("no timestamps" in w for w in found.warnings)


def test_times_of_no_calendar() -> None:
    dataset = grid(10, 6, np.arange(60, dtype=np.int64) * -(10**13))
    assert describe(dataset, split(dataset, "loo")).last_time == "1970-01-01T00:00:00+00:00"
    assert describe(dataset, split(dataset, "loo")).first_time == f"{-59 * 10**13} s"


def test_cold_users_are_warned_of() -> None:
    """Three of forty users come in the last tenth, which holds ten rows of others."""
    users, places = np.repeat(np.arange(40), 10), np.tile(np.arange(10), 40)
    dataset = grid(40, 10, np.where(users >= 37, 5_000, places * 100 + users).astype(np.int64))
    found = describe(dataset, split(dataset, "temporal"))
    assert (found.parts["test"].warm_users, found.parts["test"].cold_users) == (10, 3)
    assert found.parts["select"].cold_users == 0
    assert "test: 3 of 13 users have no history; they are reported apart" in found.warnings


def test_is_json() -> None:
    dataset = generate(SyntheticWorld(n_users=40, n_items=50)).dataset
    found = describe(dataset, split(dataset, "loo"))
    again = json.loads(json.dumps(found.as_json()))
    assert again["parts"]["select"]["rows"] == found.parts["select"].rows
    assert again["features"] == ["item genre (categorical)", "item release_day (numeric)"]


def test_rows_are_for_people() -> None:
    dataset = grid(10, 6, np.arange(60, dtype=np.int64))
    rows = dict(describe(dataset, split(dataset, "loo")).rows())
    assert rows["users, items"] == "10, 6"
    assert rows["test"].startswith("10 rows, 10 warm and 0 cold users")
    assert rows["time"].startswith("1970-01-01")
