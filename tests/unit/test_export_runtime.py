"""What an export does without autorec: ids, logs, lists, training."""

import csv
import sys
from collections.abc import Iterator
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from exported import imported
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bundle import cyclic_events, write_data, write_query

from autorec.tasks.takeaway import write_ids

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import answers
import reckit

N_USERS, N_ITEMS = 600, 37
RAW_IDS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), unique=True, min_size=1, max_size=30
)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """`runtime("lists")` is the module `recommender.runtime.lists`."""
    with imported(tmp_path_factory.mktemp("export") / "x"):
        yield lambda name: import_module(f"recommender.runtime.{name}")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> reckit.History:
    """600 users, of whom every other one was asked for."""
    events = cyclic_events(N_USERS, N_ITEMS, 6)
    folder = write_query(tmp_path_factory.mktemp("query") / "q", events, N_USERS, range(0, N_USERS, 2))
    return reckit.open_history(folder, N_ITEMS)


class Coarse:
    """Scores with many ties."""

    def score(self, history: Any, users: torch.Tensor) -> torch.Tensor:
        return ((users[:, None] * 7 + torch.arange(N_ITEMS) * 5) % 4).float()


class ByList:
    """Lists without scores."""

    def recommend(self, history: Any, users: torch.Tensor, k: int) -> torch.Tensor:
        return (users[:, None] + torch.arange(k)) % N_ITEMS


@pytest.mark.parametrize("model", [Coarse(), ByList()])
def test_lists_are_those_of_the_harness(runtime: Any, history: reckit.History, model: Any) -> None:
    judged = answers.top_k(model, history, k=20, generator=torch.Generator().manual_seed(11))
    got = runtime("lists").recommend(model, history, history.asked, k=20, depth=20, seed=11)
    assert np.array_equal(got.items.numpy(), judged)


def test_groups_are_those_of_the_harness(runtime: Any) -> None:
    lists = runtime("lists")
    assert (lists.SCORES_PER_GROUP, lists.MOST_USERS) == (answers.SCORES_PER_BATCH, answers.MAX_BATCH)


@settings(deadline=None, max_examples=30)
@given(users=st.lists(st.integers(0, N_USERS - 1), min_size=1, max_size=5), k=st.integers(1, 20))
def test_a_list_does_not_depend_on_who_else_is_asked_for(
    runtime: Any, history: reckit.History, users: list[int], k: int
) -> None:
    recommend = runtime("lists").recommend
    everybody = recommend(Coarse(), history, torch.arange(N_USERS), k=20, depth=20, seed=3)
    some = recommend(Coarse(), history, torch.tensor(users), k=k, depth=20, seed=3)
    assert torch.equal(some.items, everybody.items[users][:, :k])
    assert torch.equal(some.scores, everybody.scores[users][:, :k])


def test_a_newcomer_has_a_history_like_anybody(runtime: Any, history: reckit.History) -> None:
    longer, user = runtime("lists").with_newcomer(history, [4, 9])
    assert user == N_USERS
    assert longer.sequences(3, torch.tensor([user])).tolist() == [[N_ITEMS, 4, 9]]
    assert longer.timestamps is not None
    assert len(longer.timestamps) == longer.n_interactions == history.n_interactions + 2
    assert torch.equal(longer.sequences(5, torch.arange(N_USERS)), history.sequences(5))


@settings(deadline=None)
@given(raw=RAW_IDS)
def test_any_id_comes_back(runtime: Any, tmp_path_factory: pytest.TempPathFactory, raw: list[str]) -> None:
    file = tmp_path_factory.mktemp("ids") / "users.csv"
    numbers = list(reversed(range(len(raw))))
    write_ids(file, "user", raw, numbers)
    ids = runtime("ids").Ids.read(file, "user")
    assert ids.find(raw, "") == numbers
    ids.write(file)
    assert runtime("ids").Ids.read(file, "user") == ids


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cell_is_read_back_as_it_was(runtime: Any, text: str) -> None:
    assert next(csv.reader(StringIO(f"{runtime('ids').cell(text)},1\n", newline=""))) == [text, "1"]


def test_unknown_ids_are_named_with_what_comes_near(runtime: Any) -> None:
    ids = runtime("ids").Ids("user", ("alice", "bob"))
    with pytest.raises(runtime("refusal").Refusal, match="'alyce' \\(near: 'alice'\\), 'nobody'"):
        ids.find(["bob", "alyce", "nobody"], "look it up")


def log_of(runtime: Any, folder: Path, text: str, **columns: str) -> Any:
    file = folder / "log.csv"
    file.write_text(text, encoding="utf-8")
    return runtime("log").read_log([file], columns, seed=0)


def test_a_log_is_sorted_and_duplicates_go(runtime: Any, tmp_path: Path) -> None:
    text = "who,item_id,ts\nb,y,2\na,x,9\na,y,3\na,y,3\nb,x,1\n"
    log = log_of(runtime, tmp_path, text, user="who")
    assert (log.user_ids, log.item_ids) == (("a", "b"), ("x", "y"))
    assert log.users.tolist() == [0, 0, 1, 1]
    assert log.items.tolist() == [1, 0, 0, 1]
    assert log.timestamps.tolist() == [3, 9, 1, 2]
    assert log.values is None


def test_a_log_may_be_parquet(runtime: Any, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="needs the extra autorec[data]")
    rows = "(VALUES (7, 'y', TIMESTAMP '1970-01-01 00:00:02'), (10, 'x', '1970-01-01 00:00:09')) AS t(user, item, ts)"
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT * FROM {rows}) TO '{tmp_path / 'log.parquet'}' (FORMAT parquet)")
    log = runtime("log").read_log([tmp_path], {}, seed=0)
    assert (log.user_ids, log.item_ids) == (("10", "7"), ("x", "y"))
    assert log.timestamps.tolist() == [9, 2]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("1700000000", 1_700_000_000), ("1700000000500", 1_700_000_000), ("2023-11-14T22:13:20Z", 1_700_000_000)],
)
def test_times_are_seconds(runtime: Any, tmp_path: Path, written: str, seconds: int) -> None:
    assert log_of(runtime, tmp_path, f"user,item,timestamp\na,x,{written}\n").timestamps.tolist() == [seconds]


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("user,item\n", "no rows"),
        ("user,thing\na,x\n", "no column for item"),
        ("user,item,timestamp\na,x,1\nb,y,when\n", "line 3"),
        ("user,item,rating\na,x,5\nb\n", "line 3"),
    ],
)
def test_a_bad_log_is_refused_with_its_line(runtime: Any, tmp_path: Path, text: str, about: str) -> None:
    with pytest.raises(runtime("refusal").Refusal, match=about):
        log_of(runtime, tmp_path, text)


def test_the_last_event_of_a_user_is_held_out_unless_the_item_came_before(runtime: Any, tmp_path: Path) -> None:
    text = "user,item,timestamp\na,x,1\na,y,2\nb,x,1\nb,y,2\nb,x,3\nc,z,1\n"
    log = log_of(runtime, tmp_path, text)
    held = runtime("training").held_out(log, seed=0)
    assert [(log.user_ids[u], log.item_ids[i]) for u, i in zip(log.users[held], log.items[held], strict=True)] == [
        ("a", "y")
    ]


def test_ndcg_of_one_wanted_item(runtime: Any) -> None:
    lists = torch.tensor([[3, 1, 2], [3, 1, 2], [3, 1, 2]])
    got = runtime("training").ndcg(lists, torch.tensor([3, 1, 0]))
    assert got == pytest.approx((1 + 1 / np.log2(3)) / 3)


class Fixed:
    def __init__(self) -> None:
        self.weight = torch.zeros(1)

    def state_dict(self) -> dict[str, torch.Tensor]:
        return {"weight": self.weight}


def test_the_best_state_is_kept_and_patience_ends_a_training(runtime: Any) -> None:
    clock, values = runtime("clock"), iter([0.1, 0.3, 0.2, 0.2])
    model, now = Fixed(), [0.0]
    run = clock.Run(validate=lambda _: next(values), seconds=100, seed=0, patience=2, clock=lambda: now[0])
    with pytest.raises(clock.Stop):
        for _ in range(10):
            model.weight += 1
            now[0] += 9.0  # a validation is due each time
            run.checkpoint(model)
    assert model.weight.item() == 4
    assert run.best_value == 0.3
    assert run.best["weight"].item() == 2


def test_a_training_without_time_ends_at_its_first_checkpoint(runtime: Any) -> None:
    clock = runtime("clock")
    run = clock.Run(validate=lambda model: 1.0, seconds=1e-9, seed=0)
    with pytest.raises(clock.Stop):
        run.checkpoint(Fixed())
    run.finish(Fixed())
    assert run.best_value == 1.0


def test_features_follow_raw_ids_into_a_new_numbering(runtime: Any, tmp_path: Path) -> None:
    write_data(tmp_path / "data", [(0, 0, 1), (1, 1, 2)], 2, 4)
    ids = runtime("ids").Ids
    ids("item", ("a", "b", "c", "d")).write(tmp_path / "items.csv")
    exported = SimpleNamespace(path=tmp_path, ids=lambda kind: ids.read(tmp_path / f"{kind}s.csv", kind))
    arrays, described = runtime("training").carried_features(exported, ids("user", ()), ids("item", ("d", "new", "b")))
    assert [feature["alias"] for feature in described] == ["f0", "f1"]
    assert arrays["item_f0_indptr"].tolist() == [0, 1, 1, 2]
    assert arrays["item_f0_codes"].tolist() == [0, 1]
    assert arrays["item_f1"] == pytest.approx([1.0, np.nan, 1 / 3], nan_ok=True)


def test_another_module_of_the_name_is_refused(runtime: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "model", SimpleNamespace(__file__="/elsewhere/model.py"))
    with pytest.raises(runtime("refusal").Refusal, match=r"/elsewhere/model\.py"):
        runtime("code").build(None)
