"""Figures of the training part: what they count, that no other part is in them, and that prompts can tell them all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autorec.domain.job import Limits, Part
from autorec.domain.state import State
from autorec.prompting.facts import run_facts
from autorec.prompting.render import Templates
from autorec.tasks.canonical import Log, assemble
from autorec.tasks.datasets import Dataset
from autorec.tasks.parts import CODE_OF, rows_of
from autorec.tasks.ranking.impressions import Impressions
from autorec.tasks.ranking.role import Clicks
from autorec.tasks.ranking.splits import split as split_rows
from autorec.tasks.ranking.statistics import statistics as row_statistics
from autorec.tasks.ranking.vocabulary import learn
from autorec.tasks.ranking.world import ClickWorld, generate
from autorec.tasks.retrieval import Interactions
from autorec.tasks.splits import split
from autorec.tasks.statistics import gini, order_lift, statistics
from autorec.testing.states import TASK

TEMPLATES = Templates(Path(__file__).parents[2] / "prompts")
DAY = 86_400


def log(users: list[int], items: list[int], times: list[int] | None, n_items: int) -> Dataset:
    return assemble(
        Log(
            user_ids=tuple(f"u{i:04d}" for i in range(max(users) + 1)),
            item_ids=tuple(f"i{i:04d}" for i in range(n_items)),
            users=np.array(users, dtype=np.int32),
            items=np.array(items, dtype=np.int32),
            times=None if times is None else np.array(times, dtype=np.int64),
        ),
        name="secret-name",
    )


def ring(n_users: int = 30, each: int = 8, n_items: int = 40) -> Dataset:
    """Users walk along a ring of items, one a day."""
    places = [(user, step) for user in range(n_users) for step in range(each)]
    return log(
        [user for user, _ in places],
        [(user + step) % n_items for user, step in places],
        [step * DAY for _, step in places],
        n_items,
    )


def clicks(**world: int) -> Clicks:
    rows = generate(ClickWorld(n_users=60, n_rows=3000, **world)).rows
    cut = split_rows(rows, rule="temporal")
    train = rows_of(cut.part, Part.TRAIN)
    return Clicks(data=rows, split=cut, vocabularies=tuple(learn(f, train) for f in rows.fields), named={})


def told(role: str, figures) -> str:
    task = replace(TASK, role=role, statistics=figures, sizes={"users": 1, "items": 1, "interactions": 1, "rows": 1})
    return TEMPLATES.render("draft", run_facts(State(seq=1, task=task, seed=0), Limits()))


def test_figures_of_a_log() -> None:
    dataset = ring()
    found = statistics(dataset, split(dataset, "loo"))
    assert found["events"] == 30 * 5  # three of eight rows a user are held out
    assert found["events_a_user_median"] == 5
    assert found["density"] == pytest.approx(150 / (30 * 40), rel=1e-3)
    assert found["repeated_pairs"] == found["tied_events"] == found["item_features"] == 0
    assert (found["days"], found["days_a_user_median"], found["users_within_a_day"]) == (4, 4, 0)
    assert found["items_without_events"] == pytest.approx(6 / 40)
    assert found["to_find_a_user"] == 1
    assert found["to_find_cold_items"] == pytest.approx(1 / 30, rel=1e-3)  # of the last user
    assert found["order_lift"] > 2
    assert all(isinstance(value, float) for value in found.values())


def test_nothing_of_confirm_and_test_is_in_them() -> None:
    """Rows of the later holdouts may be anything: the figures stay."""
    dataset = ring()
    parts = split(dataset, "loo")
    late = rows_of(parts.part, Part.CONFIRM, Part.TEST)
    assert (parts.part[late] >= CODE_OF[Part.CONFIRM]).all() and late.sum() == 60
    changed = replace(
        dataset,
        items=np.where(late, 0, dataset.items).astype(np.int32),
        timestamps=np.where(late, 10**9, dataset.timestamps),
    )
    assert statistics(changed, parts) == statistics(dataset, parts)


def test_order_lift_is_one_where_order_is_chance_and_more_where_steps_repeat() -> None:
    rng = np.random.default_rng(1)
    users = np.repeat(np.arange(400), 20).astype(np.int32)
    assert order_lift(users, rng.integers(0, 20, len(users)).astype(np.int32)) == pytest.approx(1, abs=0.05)
    assert order_lift(users, ((users + np.tile(np.arange(20), 400)) % 50).astype(np.int32)) > 5
    assert order_lift(np.arange(5, dtype=np.int32), np.zeros(5, dtype=np.int32)) == 0


def test_gini_goes_from_all_alike_to_one_has_everything() -> None:
    assert gini(np.full(10, 3)) == pytest.approx(0)
    assert gini(np.array([0] * 99 + [7])) == pytest.approx(0.99)
    assert gini(np.zeros(4, dtype=np.int64)) == 0


def test_a_log_without_times_has_no_figures_of_time() -> None:
    dataset = log([u for u in range(30) for _ in range(8)], [i for _ in range(30) for i in range(8)], None, 8)
    material = Interactions(data=dataset, split=split(dataset, "ratio"), k=5)
    assert not {"days", "order_lift", "tied_events"} & set(material.statistics)
    assert "There is no order in time" in told("retrieval", material.statistics)
    assert material.describe().statistics == material.statistics


def test_figures_of_impressions() -> None:
    material = clicks()
    found = material.statistics
    rows = material.data
    train = rows_of(material.split.part, Part.TRAIN)
    assert found["rows"] == train.sum()
    assert found["click_rate"] == pytest.approx(rows.labels[train].mean(), rel=1e-3)
    slices = [found[f"click_rate_in_slice_{place}_of_5"] for place in range(1, 6)]
    assert np.mean(slices) == pytest.approx(found["click_rate"], abs=0.01)
    assert found["codes"] == sum(vocabulary.n_codes for vocabulary in material.vocabularies)
    assert found["users"] <= 60
    assert all(isinstance(value, float) for value in found.values())
    assert material.describe().statistics == found


def test_later_labels_are_in_no_figure_of_impressions() -> None:
    material = clicks()
    rows, later = material.data, ~rows_of(material.split.part, Part.TRAIN)
    changed: Impressions = replace(rows, labels=np.where(later, ~rows.labels, rows.labels))
    assert row_statistics(changed, material.split, material.vocabularies) == material.statistics


def test_prompts_tell_them() -> None:
    material = clicks()
    text = told("ranking", material.statistics)
    assert " days, in five slices" in text and "rows a user (median" in text
    nameless = {name: value for name, value in material.statistics.items() if "user" not in name}
    assert "No column names users" in told("ranking", nameless)
    dataset = ring()
    text = told("retrieval", statistics(dataset, split(dataset, "loo")))
    assert "so order says much" in text
    assert "secret-name" not in text
    assert "The data in figures" not in told("retrieval", {})
