"""A search from the command line to the sealed test, in the sandbox."""

import csv
import json
import re
from pathlib import Path

import pytest

from tests.e2e.conftest import Command, quick

pytestmark = pytest.mark.sandbox
BASELINES = ("pop", "ease", "sasrec")


@pytest.fixture(scope="module")
def finished(isolation, small_log, tmp_path_factory):
    command = Command(tmp_path_factory.mktemp("work"))
    return command, command.json(*quick(small_log, "--run", "one", baselines=",".join(BASELINES)))


def test_the_json_has_what_scripts_need(finished):
    _, result = finished
    assert result["run"] == "runs/one"
    assert result["candidates"] == 5
    assert 1 <= result["evaluations"] <= 5
    assert result["generations"] == 2
    champion = result["champion"]
    assert champion["operator"] == "policy"
    assert isinstance(champion["verified"], bool)
    for stage in ("select", "confirm", "test"):
        assert 0 < champion[stage]["ndcg@10"] <= 1
    assert set(result["baselines"]) == set(BASELINES)
    for scores in result["baselines"].values():
        assert set(scores) == {"select", "confirm", "test"}
    assert result["cost"]["usd"] == 0 == result["cost"]["tokens"]
    assert result["cost"]["train_s"] > 0
    assert result["cost"]["wall_s"] > 0


def test_the_champion_learned_something(finished):
    _, result = finished
    assert result["champion"]["test"]["ndcg@10"] > 2 * result["baselines"]["pop"]["test"]["ndcg@10"]


def test_the_stored_predictions_score_the_same_outside(finished, small_log):
    command, result = finished
    last: dict[str, str] = {}
    with small_log.open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["timestamp"]))
    before: dict[str, set[str]] = {}
    for row in rows:
        if row["user_id"] in last:
            before.setdefault(row["user_id"], set()).add(last[row["user_id"]])
        last[row["user_id"]] = row["item_id"]
    asked = {user: item for user, item in last.items() if item not in before[user]}
    found: dict[str, int] = {}
    with (command.folder / "runs/one/recommendations.csv").open() as file:
        for row in csv.DictReader(file):
            assert row["item_id"] not in before[row["user_id"]]
            if row["item_id"] == asked[row["user_id"]] and int(row["rank"]) <= 10:
                found[row["user_id"]] = int(row["rank"])
    assert len(found) / len(asked) == pytest.approx(result["champion"]["test"]["hitrate@10"])
    assert sum(1 / rank for rank in found.values()) / len(asked) == pytest.approx(result["champion"]["test"]["mrr@10"])


def test_only_weights_that_can_still_be_of_use_are_kept(finished):
    command, _ = finished
    listed = command.json("list", "runs/one")["candidates"]
    policys = [c["id"] for c in listed if c["operator"] == "policy" and c["outcome"] == "completed"]
    dropped = next(i for i in policys if "dropped" in command("show", "one", i))
    command("export", "one", "champion", "taken")
    run = command.start("export", "one", dropped[:8], "not_taken")
    _, said = run.communicate(timeout=120)
    assert run.returncode == 2
    assert "keep_weights = 'survivors' removed its weights" in said
    assert "AUTOREC_SEARCH_KEEP_WEIGHTS=all autorec search --data" in said
    assert not (command.folder / "not_taken").exists()


def test_people_can_look_at_every_part(finished):
    command, result = finished
    champion = result["champion"]["id"]
    listed = command.json("list", "runs/one")["candidates"]
    assert len(listed) == 5 + len(BASELINES)
    assert {c["operator"] for c in listed} == {"policy", "baseline"}
    assert all(set(c) == {"id", "operator", "parents", "outcome", "reason", "select"} for c in listed)
    assert "def build(" in command("show", "one", champion[:8], "--code")
    assert "ndcg@10" in command("show", "one", champion[:8], "--curve")
    assert champion in command("show", "one", champion[:8])
    assert "not written by a language model" in command("show", "one", champion[:8], "--prompt")
    diagnosis = command.json("show", "one", champion)["search"]["diagnosis"]
    users = [s for s in diagnosis["examined"]["segments"] if s["group"] == "users by history"]
    whole = sum(s["n"] * s["value"] for s in users) / sum(s["n"] for s in users)
    assert whole == pytest.approx(result["champion"]["select"]["ndcg@10"], abs=1e-4)
    assert len(diagnosis["agreements"]) == 2
    assert diagnosis["weights"]["n_numbers"] > 0
    assert "Users by history: ndcg@10" in command("show", "one", "ease")
    assert "+++" in command("diff", "one", "sasrec", "ease")
    assert "champion" in command("status", "one")
    assert command("list").split() == ["one"]
    assert Path(command.folder / "runs/one/champion/model.py").read_text() in command("show", "one", champion, "--code")


def test_the_run_as_one_page(finished):
    command, result = finished
    assert "page.html" in command("report", "one", "-o", "page.html")
    page = (command.folder / "page.html").read_text(encoding="utf-8")
    champion = result["champion"]
    assert f"{champion['test']['ndcg@10']:.4f} ndcg@10 on the sealed test" in page
    assert champion["id"][:10] in page
    for name, stages in result["baselines"].items():
        assert f">{name}</a></th><td>{stages['test']['ndcg@10']:.4f}</td>" in page
    effect = result["evidence"]["effect"]
    assert f"<td>{effect:+.4f}</td>".replace("-", "−") in page  # the page compares again what the run compared


def test_a_finished_run_resumes_to_the_same_end(finished):
    command, result = finished
    again = command.json("resume", "one")
    assert {k: again[k] for k in ("champion", "baselines", "candidates")} == {
        k: result[k] for k in ("champion", "baselines", "candidates")
    }


def test_the_next_search_recalls_baselines_and_counts_the_openings_of_the_test(finished, small_log):
    command, first = finished
    second = command.json(*quick(small_log, "--run", "two", candidates=1))
    assert command("list", "two").count("cached") == 2
    assert second["test_opened"] > first["test_opened"] >= 1


def test_seed_code_goes_into_the_first_generation(finished, small_log):
    command, _ = finished
    mine = command.folder / "mine"
    mine.mkdir()
    (mine / "model.py").write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "class Last(nn.Module):\n"
        "    def __init__(self, n):\n        super().__init__()\n"
        "        self.register_buffer('after', torch.zeros(n + 1, n))\n\n"
        "    def score(self, history, users):\n        return self.after[history.sequences(1, users)[:, 0]]\n\n\n"
        "def build(data, params):\n    return Last(data.n_items)\n"
    )
    (mine / "train.py").write_text(
        "def fit(recommender, data, params, run):\n"
        "    pairs = data.sequences(20)\n"
        "    before, after = pairs[:, :-1].flatten(), pairs[:, 1:].flatten()\n"
        "    known = (before < data.n_items) & (after < data.n_items)\n"
        "    for b, a in zip(before[known].tolist(), after[known].tolist()):\n"
        "        recommender.after[b, a] += 1\n"
        "    run.checkpoint(recommender)\n"
    )
    result = command.json(*quick(small_log, "--run", "four", "--seed-code", mine, candidates=2))
    listed = command.json("list", "four")["candidates"]
    people = [c for c in listed if c["operator"] == "human"]
    assert len(people) == 1
    assert people[0]["outcome"] == "completed"
    assert people[0]["select"]["ndcg@10"] > 0.2
    assert result["champion"]["operator"] in ("human", "policy")


def test_evaluate_reports_one_candidate(finished, small_log):
    command, result = finished
    champion = command.folder / "runs/one/champion"
    flags = ("--data", small_log, "--split", "loo", "--training", "2s", "--json")
    out, err = command.start("evaluate", champion, *flags).communicate(timeout=300)
    assert re.fullmatch(r"judge  controls: (\d+) of \1 held", err.strip())
    got = json.loads(out)
    assert got["outcome"] == "completed"
    assert got["id"] == result["champion"]["id"]
    assert got["select"]["ndcg@10"] > 0
    assert set(got["used"]) == {"wall_s", "cpu_s", "memory_bytes"}
    assert got["used"]["memory_bytes"] > 50 * 2**20


def test_nothing_valid_ends_with_code_3(isolation, small_log, autorec, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "model.py").write_text("def build(data, params):\n    raise RuntimeError('no')\n")
    (bad / "train.py").write_text("def fit(recommender, data, params, run):\n    pass\n")
    flags = quick(small_log, "--run", "r", "--seed-code", bad, "--json", candidates=1)
    result = json.loads(autorec(*flags, expect=3))
    assert result["champion"] is None
    assert result["evaluations"] == 0
    assert "RuntimeError: no" in autorec("list", "r", "--json") or "RuntimeError" in autorec(
        "show", "r", _bad_id(autorec)
    )


def _bad_id(autorec: Command) -> str:
    return next(c["id"] for c in autorec.json("list", "r")["candidates"] if c["operator"] == "human")
