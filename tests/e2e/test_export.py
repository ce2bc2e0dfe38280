"""A candidate taken away: it answers where autorec is not installed what it answered when it was judged."""

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.conftest import Command, quick

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def finished(
    isolation: str, small_log: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Command, dict[str, Any]]]:
    """A search whose baselines are trained here and not recalled, so that they have weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOREC_HOME", str(tmp_path_factory.mktemp("fresh-home")))
        command = Command(tmp_path_factory.mktemp("work"))
        yield (
            command,
            command.json(*quick(small_log, "--run", "one", candidates=4, baselines="pop,ease,sasrec")),
        )


def lists_of(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in csv.DictReader(StringIO(text, newline="")):
        found.setdefault(row["user_id"], []).append(row["item_id"])
        assert int(row["rank"]) == len(found[row["user_id"]])
    return found


@pytest.fixture(scope="module")
def champion(finished: tuple[Command, dict[str, Any]]) -> Path:
    command, _ = finished
    said = command("export", "one", "champion", "taken away/champion")
    assert "cd 'taken away/champion'" in said
    return command.folder / "taken away/champion"


def test_the_champion_answers_what_was_judged(
    finished: tuple[Command, dict[str, Any]], champion: Path, say: Any
) -> None:
    command, _ = finished
    judged = lists_of((command.folder / "runs/one/recommendations.csv").read_text())
    everybody = lists_of(say(champion, "recommend", "--all", "-k", 60))
    assert {user: everybody[user] for user in judged} == judged
    one, two = list(judged)[3], list(judged)[70]
    some = lists_of(say(champion, "recommend", "--user", two, "--user", one, "-k", 3))
    assert some == {two: judged[two][:3], one: judged[one][:3]}
    assert "all 60 places" in say(champion, "verify")


@pytest.mark.parametrize("name", ["pop", "ease", "sasrec"])
def test_each_kind_of_model_answers_what_was_judged(
    finished: tuple[Command, dict[str, Any]], say: Any, name: str
) -> None:
    command, _ = finished
    command("export", "one", name, f"out/{name}")
    equal, _, n, *_ = say(command.folder / "out" / name, "verify").split()
    assert equal == n


def test_a_finding_of_the_search_alone_answers_what_was_judged(
    finished: tuple[Command, dict[str, Any]], say: Any
) -> None:
    command, result = finished
    listed = command.json("list", "one")["candidates"]
    other = next(
        c["id"]
        for c in listed
        if c["operator"] == "policy" and c["outcome"] == "completed" and c["id"] != result["champion"]["id"]
    )
    assert "stage search" in command("export", "one", other[:8], "out/other")
    equal, _, n, *_ = say(command.folder / "out/other", "verify").split()
    assert equal == n
    assert "not the champion" in (command.folder / "out/other/MODEL_CARD.md").read_text()


def test_a_changed_weight_does_not_verify(finished: tuple[Command, dict[str, Any]], say: Any) -> None:
    command, _ = finished
    command("export", "one", "ease", "out/changed")
    about = command.folder / "out/changed/trained/about.json"
    about.write_text(about.read_text().replace('"top_k": 60', '"top_k": 59'))
    assert "lists differ" in say(command.folder / "out/changed", "verify", expect=2)


def test_it_trains_on_a_log_of_ones_own(champion: Path, small_log: Path, say: Any, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    assert "NDCG@10" in say(champion, "train", "--data", small_log, "--out", mine, "--time", "3s", "--threads", 1)
    lists = lists_of(say(champion, "recommend", "--model", mine, "--user", "user 5", "-k", 4))
    assert len(lists["user 5"]) == 4
    newcomer = tmp_path / "new.csv"
    newcomer.write_text("user_id,item_id,timestamp\nNová,item-3,1700000000\nNová,item-4,1700000001\nNová,item-?,1\n")
    asked = say(champion, "recommend", "--model", mine, "--data", newcomer, "--all", "-k", 5)
    assert not {"item-3", "item-4"} & set(lists_of(asked)["Nová"])


def test_somebody_new_is_answered_from_a_history(finished: tuple[Command, dict[str, Any]], say: Any) -> None:
    command, _ = finished
    command("export", "one", "ease", "out/newcomer")
    lists = lists_of(say(command.folder / "out/newcomer", "recommend", "--history", "item-7,item-8", "-k", 5))
    assert "item-9" in lists["new"]
    assert "item-8" not in lists["new"]
    assert "knows no item 'item-99'" in say(
        command.folder / "out/newcomer", "recommend", "--history", "item-99", expect=2
    )
    assert "knows no user 'user 18x'" in say(
        command.folder / "out/newcomer", "recommend", "--user", "user 18x", expect=2
    )


def test_without_history_nothing_of_it_is_taken_along(
    finished: tuple[Command, dict[str, Any]], small_log: Path, say: Any
) -> None:
    command, _ = finished
    command("export", "one", "ease", "out/bare", "--no-history")
    bare = command.folder / "out/bare"
    assert not (bare / "trained/query").exists()
    assert len(np.load(bare / "trained/data/items.npy")) == 0
    assert "--data" in say(bare, "recommend", "--user", "user 5", expect=2)
    assert "once more without --no-history" in say(bare, "verify", expect=2)
    assert len(lists_of(say(bare, "recommend", "--data", small_log, "--user", "user 5", "-k", 4))["user 5"]) == 4


def test_tensors_for_other_systems(finished: tuple[Command, dict[str, Any]], say: Any) -> None:
    command, _ = finished
    command("export", "one", "sasrec", "out/tensors")
    folder = command.folder / "out/tensors"
    say(folder, "embeddings", "-o", "items.npy")
    assert np.load(folder / "items.npy").shape == (60, 64)
    assert "at most 0 from" in say(folder, "torch-export")
    assert (folder / "model.pt2").stat().st_size > 10_000
    command("export", "one", "ease", "out/no-tensors")
    assert "item vectors" in say(command.folder / "out/no-tensors", "embeddings", expect=2)
    assert "cannot follow" in say(command.folder / "out/no-tensors", "torch-export", expect=2)


def test_a_log_that_moved_is_found_where_it_is_now(
    finished: tuple[Command, dict[str, Any]], small_log: Path, tmp_path: Path
) -> None:
    command, _ = finished
    moved = tmp_path / small_log.name
    moved.write_bytes(small_log.read_bytes())
    small_log.rename(tmp_path / "away")
    try:
        command("export", "one", "pop", "out/moved", expect=2)
        assert not (command.folder / "out/moved").exists()
        command("export", "one", "pop", "out/moved", "--data", moved)
    finally:
        (tmp_path / "away").rename(small_log)
    moved.write_text(moved.read_text() + "user 1,item-1,1\n")
    command("export", "one", "pop", "out/changed-log", "--data", moved, expect=2)
    assert not [p for p in (command.folder / "out").iterdir() if p.name.startswith(".")]
    assert (command.folder / "out/moved/README.md").exists()
