"""What a split must never do, looked for again in rows and ground truth, apart from the code that made the split.

For each holdout: nobody is asked for a pair of user and item that the history holds, and nothing in the history
happened after what is judged: of all users under a cut by time, of the same user where rows go by their order. Ties in
time are counted and said; the order inside them is by hash. Where rows are drawn at random, or files were given, later
rows in the history are counted and nothing is demanded.
"""

from collections.abc import Iterator

import numpy as np

from autorec.domain.control import Control, within
from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.datasets import Bools, Dataset, Int64s, sorted_unique
from autorec.tasks.holdouts import Holdout, ground
from autorec.tasks.parts import HOLDOUTS, rows_of
from autorec.tasks.splits import Split

ROWS = "rows"
IN_ORDER = "loo"
BY_TIME = "temporal"


def probes(dataset: Dataset, split: Split) -> tuple[Control, ...]:
    """The controls of a split of interactions, of every holdout."""
    return tuple(control for part in HOLDOUTS for control in _of_part(dataset, split, part))


def counted(name: str, n_rows: int, *, allowed: bool, expected: str) -> Control:
    """Rows that should not be; where they are `allowed`, nothing is demanded."""
    if not allowed:
        return within(name, ROWS, n_rows, 0, 0, expected)
    return Control(name=name, unit=ROWS, value=n_rows, held=True, expected=expected)


def _of_part(dataset: Dataset, split: Split, part: Part) -> Iterator[Control]:
    truth, history = ground(dataset, split, part), rows_of(split.part, *HISTORY_OF[part])
    wanted = _asked(truth) * dataset.n_items + truth.items
    keys = dataset.users.astype(np.int64) * dataset.n_items + dataset.items
    own = np.flatnonzero(rows_of(split.part, part))
    judged = own[np.isin(keys[own], wanted)]
    known = _found(keys[history], wanted)
    asked = int(np.isin(wanted, known).sum())
    yield counted(f"{part}: asked for though the history holds it", asked, allowed=False, expected="none")
    both = int(np.isin(sorted_unique(keys[judged]), known).sum())
    yield counted(f"{part}: judged rows that stand in the history", both, allowed=False, expected="none")
    if dataset.timestamps is not None:
        yield from _of_time(dataset.timestamps, dataset.users, split.rule, part, judged, history)


def _of_time(
    times: Int64s, users: np.ndarray, rule: str, part: Part, judged: Int64s, history: Bools
) -> Iterator[Control]:
    last = np.full(int(users.max()) + 1, np.iinfo(np.int64).min)
    np.maximum.at(last, users[history], times[history])
    late, tied = last[users[judged]] > times[judged], last[users[judged]] == times[judged]
    bound = rule in (IN_ORDER, BY_TIME)
    said = f"{int(tied.sum()):,} more are tied in time" if tied.any() else "nor is any tied in time"
    name = f"{part}: judged rows with something later of the same user in the history"
    yield counted(name, int(late.sum()), allowed=not bound, expected=_reason(said, rule, bound))
    over_all = int((times[judged] <= times[history].max()).sum()) if history.any() else 0
    strict = rule == BY_TIME
    said = "at the same time counts"
    name = f"{part}: judged rows with something later of anybody in the history"
    yield counted(name, over_all, allowed=not strict, expected=_reason(said, rule, strict))


def _found(keys: Int64s, wanted: Int64s) -> Int64s:
    """Which of the few that are wanted are among the many keys, in one pass over these."""
    if not wanted.size:
        return wanted
    few = sorted_unique(wanted)
    places = np.searchsorted(few, keys)
    return sorted_unique(keys[few[np.minimum(places, len(few) - 1)] == keys])


def _reason(said: str, rule: str, demanded: bool) -> str:
    return said if demanded else f"{said}; the split {rule} allows it"


def _asked(truth: Holdout) -> Int64s:
    """The user of each relevant item, int64."""
    return np.repeat(truth.users.astype(np.int64), np.diff(truth.indptr))
