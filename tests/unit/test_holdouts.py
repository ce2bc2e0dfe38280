"""What is asked in a holdout and what is known before it."""

import numpy as np

from autorec.domain.job import Part
from autorec.tasks.canonical import Log, assemble
from autorec.tasks.holdouts import ground
from autorec.tasks.splits import Split

USERS = ("cold", "plain", "repeats")
ITEMS = ("a", "b", "c", "d")
ROWS = (
    ("plain", "a", 1, 0),
    ("plain", "b", 2, 1),
    ("plain", "c", 3, 2),
    ("plain", "d", 4, 3),
    ("repeats", "a", 1, 0),
    ("repeats", "a", 2, 3),
    ("repeats", "b", 3, 3),
    ("repeats", "b", 4, 3),
    ("cold", "c", 9, 3),
)


def test_holdout_by_hand() -> None:
    log = Log(
        user_ids=USERS,
        item_ids=ITEMS,
        users=np.array([USERS.index(r[0]) for r in ROWS], dtype=np.int32),
        items=np.array([ITEMS.index(r[1]) for r in ROWS], dtype=np.int32),
        times=np.array([r[2] for r in ROWS], dtype=np.int64),
    )
    dataset = assemble(log, name="by hand")
    ordered = sorted(ROWS, key=lambda r: (r[0], r[2]))
    cut = Split(part=np.array([r[3] for r in ordered], dtype=np.int8), rule="given", seed=0, digest="")
    truth = ground(dataset, cut, Part.TEST)
    assert truth.users.tolist() == [0, 1, 2]
    assert truth.warm.tolist() == [False, True, True]
    assert truth.indptr.tolist() == [0, 1, 2, 3]
    assert truth.items.tolist() == [2, 3, 1], "the repeat of a is not asked for, the two b are asked for once"
    assert truth.seen_indptr.tolist() == [0, 0, 3, 4]
    assert truth.seen_items.tolist() == [0, 1, 2, 0]
    assert truth.item_counts.tolist() == [2, 1, 1, 0]
    assert truth.unreachable == 1 and "1 pairs repeat" in truth.notes[0]

    earlier = ground(dataset, cut, Part.SELECT)
    assert earlier.users.tolist() == [1]
    assert earlier.seen_items.tolist() == [0]
    assert earlier.item_counts.tolist() == [2, 0, 0, 0]
    assert earlier.notes == ()
