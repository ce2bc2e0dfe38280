"""The battery for splits: it holds of ours under every rule, and finds what is planted."""

from dataclasses import replace

import numpy as np
import pytest

from autorec.domain.control import broken
from autorec.domain.job import Part
from autorec.tasks.leakage import probes
from autorec.tasks.parts import CODE_OF
from autorec.tasks.ranking import leakage as of_rows
from autorec.tasks.ranking.splits import split as split_rows
from autorec.tasks.ranking.world import ClickWorld
from autorec.tasks.ranking.world import generate as generate_rows
from autorec.tasks.splits import split
from autorec.tasks.synthetic import SyntheticWorld, generate

LOG = generate(SyntheticWorld(seed=1, n_users=120, n_items=60)).dataset
ROWS = generate_rows(ClickWorld(seed=1, n_rows=3000)).rows


@pytest.mark.parametrize("rule", ["temporal", "loo", "ratio"])
def test_splits_of_logs_hold(rule):
    found = probes(LOG, split(LOG, rule))
    assert len(found) == 12
    assert broken(found) == ()


@pytest.mark.parametrize("rule", ["temporal", "ratio"])
def test_splits_of_rows_hold(rule):
    assert broken(of_rows.probes(ROWS, split_rows(ROWS, rule))) == ()


@pytest.mark.parametrize("rule", ["temporal", "loo"])
def test_a_row_from_the_future_in_the_history_is_found(rule):
    """Two rows of one user change places: the later one goes into train, the earlier one is judged."""
    cut = split(LOG, rule)
    part = cut.part.copy()
    user = next(u for u in range(LOG.n_users) if {0, CODE_OF[Part.TEST]} <= set(part[rows_of_user(u)]))
    rows = rows_of_user(user)
    first, last = rows[part[rows] == 0][0], rows[part[rows] == CODE_OF[Part.TEST]][-1]
    assert LOG.timestamps[first] < LOG.timestamps[last]
    part[first], part[last] = CODE_OF[Part.TEST], CODE_OF[Part.TRAIN]
    wrong = broken(probes(LOG, replace(cut, part=part)))
    assert any(
        c.name == "test: judged rows with something later of the same user in the history" and c.value >= 1
        for c in wrong
    )


def test_a_pair_that_is_judged_though_known_is_found(monkeypatch):
    """A ground truth that forgets to leave out what the history holds."""
    from autorec.tasks import leakage

    cut = split(LOG, "temporal")

    def forgetful(dataset, cut, part):
        truth = right(dataset, cut, part)
        known = np.flatnonzero(np.diff(truth.seen_indptr) > 0)[0]
        items = truth.items.copy()
        items[truth.indptr[known]] = truth.seen_items[truth.seen_indptr[known]]
        return replace(truth, items=items)

    right = leakage.ground
    monkeypatch.setattr(leakage, "ground", forgetful)
    wrong = {control.name for control in broken(probes(LOG, cut))}
    assert "select: asked for though the history holds it" in wrong


def test_planted_rows_are_found_in_impressions():
    cut = split_rows(ROWS, "temporal")
    part = cut.part.copy()
    late = np.flatnonzero(part == CODE_OF[Part.TEST])[-1]
    part[late] = CODE_OF[Part.TRAIN]
    wrong = broken(of_rows.probes(ROWS, replace(cut, part=part)))
    assert {control.name.partition(":")[2] for control in wrong} == {
        " judged rows with something as late in the history"
    }


def rows_of_user(user):
    return np.arange(LOG.user_indptr[user], LOG.user_indptr[user + 1])
