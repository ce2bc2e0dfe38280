"""The rules by which rows go to parts: pure functions from a data set to `part`, int8 [n] (see `parts.CODE_OF`).

Each leaves a part empty rather than break its rule; whoever calls decides whether that will do.
"""

import numpy as np
import numpy.typing as npt

from autorec.domain.errors import DataError
from autorec.domain.job import Part
from autorec.tasks.datasets import Bools, Dataset, Int8s, Int64s
from autorec.tasks.parts import CODE_OF, HOLDOUTS

SHARE = 0.1
TRAIN, SELECT, CONFIRM, TEST = (CODE_OF[part] for part in Part)
GIVEN_PARTS = (TRAIN, CONFIRM, TEST)
"""The parts of rows that stood in the train, valid and test file."""


def temporal(timestamps: Int64s) -> Int8s:
    """Cut by time: about the last tenth is test, the tenth before confirm, the tenth before that select.

    Rows of one second always fall on the same side of a cut, the later one.
    """
    places = [int(len(timestamps) * (1 - SHARE * k)) for k in (3, 2, 1)]
    part = np.zeros(len(timestamps), dtype=np.int8)
    for cut in np.partition(timestamps, places)[places]:
        part += timestamps >= cut
    return part


def leave_one_out(dataset: Dataset) -> Int8s:
    """The last row of a user is test, the one before confirm, the one before that select.

    Users with fewer than four rows stay in train.
    """
    from_end = _from_end(dataset, np.ones(dataset.n_interactions, dtype=np.bool_))
    part = np.maximum(TEST - from_end, TRAIN).astype(np.int8)
    part[_rows_a_user(dataset) <= len(HOLDOUTS)] = TRAIN
    return part


def ratio(dataset: Dataset, seed: int) -> Int8s:
    """Per user at random: a tenth each for test, confirm and select (rounded, half up), the rest train."""
    size = np.floor(_rows_a_user(dataset) * SHARE + 0.5).astype(np.int64)
    place = _random_place(dataset, np.ones(dataset.n_interactions, dtype=np.bool_), seed)
    part = np.full(dataset.n_interactions, TRAIN, dtype=np.int8)
    for step, code in enumerate((TEST, CONFIRM, SELECT)):
        part[(place >= step * size) & (place < (step + 1) * size)] = code
    return part


def given(dataset: Dataset, seed: int) -> tuple[Int8s, str]:
    """Test and confirm as the given test and valid files; select carved from train as valid looks carved from it.

    The second value says how select was carved.
    Raises DataError when the data set did not come in given files.
    """
    if dataset.given is None:
        raise DataError(
            f"{dataset.name}: split 'given' expects a folder with train, valid and test files",
            fix="give such a folder as data, or choose --split auto",
        )
    part = np.array(GIVEN_PARTS, dtype=np.int8)[dataset.given]
    carved, how = _carve(dataset, part == TRAIN, part == CONFIRM, seed)
    part[carved] = SELECT
    return part, how


def _carve(dataset: Dataset, train: Bools, valid: Bools, seed: int) -> tuple[Bools, str]:
    per_user = np.bincount(dataset.users[valid], minlength=dataset.n_users)
    left = _rows_a_user(dataset, train)
    if _follows_each_user(dataset, train, valid) and per_user.max() <= 1:
        return train & (_from_end(dataset, train) == 0) & (left > 1), "the last train event of each user"
    if dataset.timestamps is not None and dataset.timestamps[valid].min() >= dataset.timestamps[train].max():
        times = dataset.timestamps[train]
        cut = np.sort(times)[max(len(times) - int(valid.sum()), 0)]
        return train & (dataset.timestamps >= cut), "the last slice of time of train, about as large as valid"
    share = valid.sum() / max(train.sum(), 1)
    size = np.minimum(np.floor(left * share + 0.5), left - 1)
    if per_user.max() <= 1:
        size = np.minimum(1, left - 1)
    return train & (_random_place(dataset, train, seed) < size), "a random share of each user's train events"


def _follows_each_user(dataset: Dataset, train: Bools, valid: Bools) -> bool:
    """Whether no user has a valid row before a train row."""
    if dataset.timestamps is None:
        return False
    last = np.full(dataset.n_users, np.iinfo(np.int64).min)
    np.maximum.at(last, dataset.users[train], dataset.timestamps[train])
    return bool(np.all(dataset.timestamps[valid] >= last[dataset.users[valid]]))


def _rows_a_user(dataset: Dataset, chosen: Bools | None = None) -> Int64s:
    """How many of the chosen rows the user of each row has: int64 [n]."""
    users = dataset.users if chosen is None else dataset.users[chosen]
    return np.bincount(users, minlength=dataset.n_users)[dataset.users]


def _from_end(dataset: Dataset, chosen: Bools) -> Int64s:
    """How many chosen rows of the same user come after each row; rows are in order of time."""
    ends = np.cumsum(chosen)
    last = np.concatenate([[0], ends])[dataset.user_indptr[1:]]
    return last[dataset.users] - ends


def _random_place(dataset: Dataset, chosen: Bools, seed: int) -> npt.NDArray[np.int64]:
    """The place of each chosen row in a random order of its user's chosen rows, from 0; other rows come after."""
    order = np.lexsort([dataset.row_hashes(f"place {seed}"), ~chosen, dataset.users])
    place = np.empty(dataset.n_interactions, dtype=np.int64)
    place[order] = np.arange(dataset.n_interactions)
    return place - dataset.user_indptr[dataset.users]
