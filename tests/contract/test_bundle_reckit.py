"""What the trusted side writes, reckit reads: the wire format held from both ends."""

import sys
from pathlib import Path

import pytest

from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.bundle import Permutation, write_query, write_training
from autorec.tasks.datasets import Dataset
from autorec.tasks.holdouts import ground
from autorec.tasks.parts import rows_of
from autorec.tasks.readers import load
from autorec.tasks.splits import Split, split

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import reckit

N_USERS, N_ITEMS, LENGTH = 12, 9, 7


@pytest.fixture
def logged(tmp_path: Path) -> tuple[Dataset, Split, Permutation]:
    events = [(u, (u * 5 + t * 4) % N_ITEMS, 1 + t % 5, 1000 + t) for u in range(N_USERS) for t in range(LENGTH)]
    lines = [f"u{u},i{i},{rating},{time}" for u, i, rating, time in events]
    file = tmp_path / "log.csv"
    file.write_text("\n".join(["user,item,rating,timestamp", *lines]) + "\n")
    dataset = load(file)
    return dataset, split(dataset, "loo"), Permutation.of(b"secret", dataset.n_users, dataset.n_items)


def histories(logged: tuple[Dataset, Split, Permutation], *parts: Part) -> dict[int, list[int]]:
    """Permuted items of each permuted user, in order of time, straight from the data set."""
    dataset, given, permutation = logged
    rows = rows_of(given.part, *parts)
    found: dict[int, list[int]] = {int(user): [] for user in permutation.users}
    events = sorted(zip(dataset.timestamps[rows], dataset.users[rows], dataset.items[rows], strict=True))
    for _, user, item in events:
        found[int(permutation.users[user])].append(int(permutation.items[item]))
    return found


def test_training_data(logged, tmp_path: Path):
    dataset, given, permutation = logged
    write_training(dataset, given, permutation, (Part.TRAIN,), tmp_path / "data")
    data = reckit.open_data(tmp_path / "data")
    assert (data.n_users, data.n_items) == (N_USERS, N_ITEMS)
    expected = histories(logged, Part.TRAIN)
    assert data.n_interactions == sum(map(len, expected.values()))
    assert len(data.values) == len(data.timestamps) == data.n_interactions
    rows = data.sequences(LENGTH).tolist()
    assert {user: [item for item in row if item != N_ITEMS] for user, row in enumerate(rows)} == expected


@pytest.mark.parametrize("part", [Part.SELECT, Part.CONFIRM, Part.TEST])
def test_query(logged, tmp_path: Path, part: Part):
    dataset, given, permutation = logged
    write_query(dataset, given, permutation, part, tmp_path / "query", {"answer": "lists", "k": 3})
    history = reckit.open_history(tmp_path / "query", dataset.n_items)
    asked = permutation.users[ground(dataset, given, part).users]
    assert history.asked.tolist() == sorted(asked.tolist())
    expected = histories(logged, *HISTORY_OF[part])
    rows = history.sequences(LENGTH, history.asked).tolist()
    assert [[item for item in row if item != N_ITEMS] for row in rows] == [expected[u] for u in history.asked.tolist()]
