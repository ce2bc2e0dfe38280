"""A search for a click model, from the command line to the sealed test."""

import csv
import json
import shutil

import numpy as np
import pytest

from autorec.tasks.ranking.world import ClickWorld, generate, write_csv
from tests.e2e.conftest import Command

pytestmark = pytest.mark.sandbox
N_ROWS = 8000
BASELINES = ("constant", "lr", "deepfm", "dcn")


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    file = tmp_path_factory.mktemp("clicks") / "clicks.csv"
    write_csv(generate(ClickWorld(n_users=200, n_items=40, n_rows=N_ROWS, pairs=1.5)).rows, file)
    return file


@pytest.fixture(scope="module")
def finished(isolation, clicks, tmp_path_factory):
    command = Command(tmp_path_factory.mktemp("work"))
    size = ("--max-candidates", 3, "--population", 3, "--training", "3s", "--budget", "4m", "--workers", 2)
    flags = (
        "--role",
        "ranking",
        "--data",
        clicks,
        *size,
        "--seed",
        1,
        "--run",
        "one",
        "--baselines",
        ",".join(BASELINES),
    )
    return command, command.json("search", *flags)


def test_the_json_has_what_scripts_need(finished):
    _, result = finished
    assert set(result["baselines"]) == set(BASELINES)
    for part in ("select", "confirm", "test"):
        assert max(scores[part]["auc"] for scores in result["baselines"].values()) > 0.6
        assert {"auc", "logloss", "gauc", "ndcg@10", "ece", "calibration"} <= set(result["champion"][part])
        assert result["baselines"]["constant"][part]["auc"] == pytest.approx(0.5)
    losses = {name: scores["test"]["logloss"] for name, scores in result["baselines"].items()}
    assert min(losses.values()) < losses["constant"]
    assert result["evidence"]["low"] <= result["evidence"]["effect"] <= result["evidence"]["high"]


def test_the_stored_probabilities_score_the_same_outside(finished, clicks):
    command, result = finished
    with clicks.open() as file:
        rows = list(csv.DictReader(file))
    with (command.folder / "runs/one/predictions.csv").open() as file:
        predicted = [(int(r["row"]), float(r["probability"])) for r in csv.DictReader(file)]
    labels = np.array([rows[row - 1]["label"] == "1" for row, _ in predicted])
    scores = np.array([probability for _, probability in predicted])
    above = (scores[labels][:, None] > scores[~labels]) + 0.5 * (scores[labels][:, None] == scores[~labels])
    assert above.mean() == pytest.approx(result["champion"]["test"]["auc"], abs=1e-5)
    logloss = -np.log(np.where(labels, scores, 1 - scores)).mean()
    assert logloss == pytest.approx(result["champion"]["test"]["logloss"], abs=1e-5)
    newest = sorted(int(row["timestamp"]) for row in rows)[-len(predicted) :]
    assert min(int(rows[row - 1]["timestamp"]) for row, _ in predicted) >= newest[0]


def test_people_can_look_at_every_part(finished):
    command, result = finished
    champion = result["champion"]["id"][:8]
    assert len(command.json("list", "one")["candidates"]) == 3 + len(BASELINES)
    assert "def score_pairs(" in command("show", "one", champion, "--code")
    assert "logloss" in command("show", "one", champion)
    assert "auc on select" in command("show", "one", champion, "--curve")
    diagnosis = command.json("show", "one", champion)["search"]["diagnosis"]
    groups = {s["group"]: s["measure"] for s in diagnosis["examined"]["segments"]}
    assert set(groups.values()) == {"log loss (lower is better)"}
    assert len(groups) == 2
    assert [each["contrast"]["of"] for each in diagnosis["agreements"]] == ["rank correlation"] * 2
    assert "+++" in command("diff", "one", "dcn", "lr")
    assert "auc" in command("status", "one")


def test_a_finished_run_resumes_to_the_same_end(finished):
    command, result = finished
    again = command.json("resume", "one")
    assert {k: again[k] for k in ("champion", "baselines")} == {k: result[k] for k in ("champion", "baselines")}
    said = command("resume", "one")
    assert "probabilities of all held-out rows" in said
    assert "intervals draw users anew" in said


def test_evaluate_and_describe_know_the_role(finished, clicks):
    command, result = finished
    mine = command.folder / "mine"
    shutil.copytree(command.folder / "runs/one/champion", mine)
    got = command.json("evaluate", mine, "--role", "ranking", "--data", clicks, "--training", "2s")
    assert got["outcome"] == "completed"
    assert got["id"] == result["champion"]["id"]
    assert 0 < got["select"]["auc"] < 1
    (mine / "model.py").write_text("def build(data, params):\n    raise ValueError('no')\n")
    crashed = command("evaluate", mine, "--role", "ranking", "--data", clicks, "--json", expect=3)
    assert json.loads(crashed)["outcome"] == "crashed"
    described = command.json("data", "describe", clicks, "--role", "ranking")
    assert described["rows_in_all"] == N_ROWS


@pytest.fixture(scope="module")
def taken_away(finished):
    command, _ = finished
    said = command("export", "one", "champion", "away")
    assert "python -m recommender predict --data YOUR.csv" in said
    return command.folder / "away"


def test_the_champion_gives_its_stored_probabilities_back_elsewhere(finished, clicks, taken_away, say):
    command, _ = finished
    stored = (command.folder / "runs/one/predictions.csv").read_text()
    n = len(stored.splitlines()) - 1
    for more in ((), ("--data", clicks)):
        assert say(taken_away, "verify", *more, "-o", "again.csv").startswith(f"{n} of {n} ")
        assert (taken_away / "again.csv").read_text() == stored
    answered = list(csv.DictReader(say(taken_away, "predict", "--data", clicks).splitlines()))
    assert [int(row["row"]) for row in answered] == list(range(1, N_ROWS + 1))
    judged = {int(row["row"]): float(row["probability"]) for row in csv.DictReader(stored.splitlines())}
    found = [float(answered[row - 1]["probability"]) for row in judged]
    assert found == pytest.approx(list(judged.values()), abs=2e-7)


@pytest.mark.parametrize("name", ["lr", "deepfm", "dcn"])
def test_each_kind_of_model_is_taken_away(finished, clicks, say, name):
    command, _ = finished
    command("export", "one", name, f"out/{name}", "--no-history")
    folder = command.folder / "out" / name
    assert not (folder / "trained/query").exists()
    assert "rows of the run were left out" in (folder / "MODEL_CARD.md").read_text()
    assert say(folder, "predict", "--data", clicks).count("\n") == N_ROWS + 1
    say(folder, "torch-export")
    assert (folder / "model.pt2").stat().st_size > 10_000


def test_it_is_trained_again_elsewhere(clicks, taken_away, say):
    said = say(taken_away, "train", "--data", clicks, "--out", "mine", "--time", "3s", "--threads", 1)
    assert f"held out {N_ROWS // 10} rows" in said
    assert "AUC 0." in say(taken_away, "evaluate", "--model", "mine", "--data", clicks)
    assert "was trained here" in say(taken_away, "verify", "--model", "mine", expect=2)


def test_criteo_is_too_small_to_tell(isolation, data_dir, autorec):
    """10,000 rows: the path holds, and the end says that nothing can be told."""
    folder = data_dir / "criteo-10k"
    if not folder.is_dir():
        pytest.skip(f"no criteo-10k/ in {data_dir}")
    size = ("--max-candidates", 1, "--training", "2s", "--budget", "4m", "--workers", 2, "--baselines", "constant,lr")
    said = autorec("search", "--role", "ranking", "--data", folder, *size)
    assert "Not resolvable here: auc" in said or "Worse than a baseline: auc" in said
    assert "paired interval [" in said
    assert "intervals draw rows anew" in said


def test_wrong_input_ends_with_code_2(autorec, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,2\n")
    autorec("data", "describe", file, "--role", "ranking", expect=2)
    autorec("data", "describe", file, "--role", "rankin", expect=2)
    autorec("search", "--role", "ranking", "--split", "loo", expect=2)
    assert not (tmp_path / "runs").exists()
