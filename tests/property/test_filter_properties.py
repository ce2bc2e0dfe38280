"""What the k-core promises: everyone left has k rows, and nobody who could stay was taken out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autorec.domain.errors import DataError
from autorec.tasks.canonical import Log
from autorec.tasks.filters import k_core
from autorec.tasks.parts import HOLDOUTS, pairs_of, warm_users

pairs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=60)


def log_of(rows: list[tuple[int, int]]) -> Log:
    users, items = (np.array(column, dtype=np.int32) for column in zip(*rows, strict=True))
    names = tuple(map(str, range(8)))
    return Log(user_ids=names, item_ids=names, users=users, items=items)


def peeled(rows: list[tuple[int, int]], k: int) -> list[tuple[int, int]]:
    """One row at a time, in any order: the core is the same."""
    rows = list(rows)
    while True:
        users, items = zip(*rows, strict=True) if rows else ((), ())
        poor = next((row for row in rows if users.count(row[0]) < k or items.count(row[1]) < k), None)
        if poor is None:
            return rows
        rows.remove(poor)


@settings(deadline=None)
@given(pairs, st.integers(1, 4))
def test_k_core_is_the_largest(rows: list[tuple[int, int]], k: int) -> None:
    expected = peeled(rows, k)
    try:
        core = k_core(log_of(rows), k)
    except DataError:
        assert not expected
        return
    found = zip(core.users.tolist(), core.items.tolist(), strict=True)
    assert sorted((int(core.user_ids[u]), int(core.item_ids[i])) for u, i in found) == sorted(expected)
    assert set(core.users.tolist()) == set(range(len(core.user_ids)))
    assert set(core.items.tolist()) == set(range(len(core.item_ids)))


@settings(deadline=None)
@given(pairs, st.randoms(use_true_random=False))
def test_warm_users_are_counted_as_pairs_tell_them(rows: list[tuple[int, int]], random: object) -> None:
    log = log_of(rows)
    part = np.array([random.randrange(4) for _ in rows], dtype=np.int8)  # type: ignore[attr-defined]
    expected = {p: int(pairs_of(log.users, log.items, 8, part, p).warm.sum()) for p in HOLDOUTS}
    assert warm_users(log.users, log.items, 8, part) == expected
