"""The same search with a language model: a scripted OpenAI-compatible server that answers with real designs."""

import json

import pytest

from autorec.testing.llm_server import ScriptedServer
from autorec.testing.replies import ScriptedDesigner
from tests.e2e.conftest import Command, quick

pytestmark = pytest.mark.sandbox
CANARY = "sk-canary-9f8e7d6c5b4a"
HYPOTHESIS = "the order of the last three items matters more than the rest"


@pytest.fixture(scope="module")
def finished(isolation, small_log, tmp_path_factory):
    command = Command(tmp_path_factory.mktemp("work"), AUTOREC_SEARCH_PROPOSERS="llm")
    with pytest.MonkeyPatch.context() as patch, ScriptedServer(ScriptedDesigner()) as server:
        patch.setenv("OPENAI_API_KEY", CANARY)
        flags = ("--llm", "openai/scripted", "--api-base", server.base, "--hypothesis", HYPOTHESIS, "--run", "r")
        flags += ("--memory", "lessons.jsonl")
        result = command.json(*quick(small_log, *flags, "--training", "1s", candidates=24))
    return command, result, server


def test_every_operator_is_gone_through(finished):
    command, result, _ = finished
    listed = command.json("list", "r")["candidates"]
    made = {c["operator"] for c in listed if c["outcome"] == "completed"}
    assert {"draft", "improve", "crossover", "repair", "hypothesis", "baseline"} <= made
    asked = {"draft", "improve", "crossover", "simplify", "repair", "hypothesis", "reflect"}
    assert asked <= set(result["cost"]["by_operator"])
    repaired = next(c for c in listed if c["operator"] == "repair")
    broken = next(c for c in listed if c["id"] == repaired["parents"][0])
    assert broken["outcome"] in ("crashed", "malformed")
    tested = next(c for c in listed if c["operator"] == "hypothesis")
    assert command.json("show", "r", tested["id"])["hypothesis"] == HYPOTHESIS
    assert HYPOTHESIS in command("hypotheses", "r")


def test_it_finds_something_better_than_its_best_draft_and_shows_how(finished):
    command, _, _ = finished
    listed = command.json("list", "r")["candidates"]
    value = {c["id"]: c["select"]["ndcg@10"] for c in listed if c.get("select")}
    best = max((c for c in listed if c["operator"] != "baseline" and c["id"] in value), key=lambda c: value[c["id"]])
    assert value[best["id"]] > max(value[c["id"]] for c in listed if c["operator"] == "draft" and c["id"] in value)
    assert best["parents"]
    family = {c["id"]: c for c in command.json("lineage", "r", best["id"])["lineage"]}
    for parent in filter(value.get, best["parents"]):  # that of a repair was not judged
        assert family[best["id"]]["deltas"][parent] == pytest.approx(value[best["id"]] - value[parent])
    assert [c for c in family.values() if not c["parents"]]
    assert command.json("show", "r", best["id"])["parents"] == best["parents"]
    assert "+++" in command("diff", "r", best["id"])


def test_what_it_learned_is_told_shown_and_remembered(finished):
    command, result, server = finished
    assert result["cost"]["by_operator"]["reflect"]["candidates"] == 0
    learned = command.json("lessons", "r")["lessons"]
    decided = {c["id"] for c in command.json("list", "r")["candidates"]}
    assert learned
    assert all(lesson["supports"] and set(lesson["supports"]) <= decided for lesson in learned)
    told = [r["messages"][1]["content"] for r in server.requests if r["messages"][0]["role"] == "system"]
    assert [prompt for prompt in told if learned[0]["lesson"] in prompt]
    remembered = command.json("lessons", "--memory", "lessons.jsonl")["lessons"]
    assert [(kept["lesson"], kept["held"], kept["failed"]) for kept in remembered] == [
        (lesson["lesson"], lesson["held"], lesson["failed"]) for lesson in learned
    ]
    assert [run["run"] for kept in remembered for run in kept["runs"]] == ["r"] * len(learned)
    assert "held for #" in command("lessons", "r")


def test_prompt_reply_and_diff_can_be_looked_at(finished):
    command, _, _ = finished
    listed = command.json("list", "r")["candidates"]
    improved = next(c for c in listed if c["operator"] == "improve")
    assert "Operator: improve" in command("show", "r", improved["id"], "--prompt")
    assert "hypothesis:" in command("show", "r", improved["id"], "--reply")
    assert "+++" in command("diff", "r", improved["id"])


def test_tokens_are_counted_and_an_unknown_price_is_said(finished):
    command, result, server = finished
    assert result["cost"]["tokens"] > 0
    assert result["cost"]["unpriced_calls"] == len(server.requests) > 3
    assert "UNKNOWN price" in command("status", "r")
    assert result["cost"]["by_model"]["openai/scripted"]["answers"] > 3
    assert sum(part["tokens"] for part in result["cost"]["by_operator"].values()) == result["cost"]["tokens"]


def test_the_key_is_sent_and_stays_nowhere(finished):
    command, _, server = finished
    assert set(server.keys) == {CANARY}
    kept = [p for p in command.folder.rglob("*") if p.is_file()]
    assert len(kept) > 20
    assert [p for p in kept if CANARY.encode() in p.read_bytes()] == []


def test_prompts_hold_no_raw_text_of_the_data(finished):
    _, _, server = finished
    asked = json.dumps([r["messages"] for r in server.requests])
    for raw in ("ring.csv", "item-4", "user 1", "user_id", "item_id"):
        assert raw not in asked


def test_the_search_replays_from_its_recording_with_the_server_off(finished):
    command, result, server = finished
    calls = len(server.requests)
    assert f"{calls} calls of language models" in command("cassette", "r", "recording")
    again = command.json("search", "--llm", "replay:recording", "--run", "again")
    for listing in ("list", "hypotheses", "lessons"):
        assert command.json(listing, "again") == command.json(listing, "r")
    assert again["champion"] == result["champion"]
    assert (again["cost"]["tokens"], again["controls"]) == (result["cost"]["tokens"], result["controls"])
    assert again["cost"]["wall_s"] < 30
    assert len(server.requests) == calls
    assert "nothing was trained or judged" in " ".join(command("status", "again").split())


def test_the_cap_on_money_holds(small_log, imagining, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    prices = imagining.folder / "prices.toml"
    prices.write_text('[prices."openai/scripted"]\ninput = 1.0\noutput = 1.0\n')
    with ScriptedServer(ScriptedDesigner()) as server:
        flags = ("--llm", "openai/scripted", "--api-base", server.base, "--max-usd", "0.003", "--config", prices)
        result = imagining.json(*quick(small_log, *flags, "--run", "r", candidates=5))
        calls = len(server.requests)
    assert result["cost"]["unpriced_calls"] == 0
    assert calls <= 1 + 2  # the call that passes the cap, and those in flight with it
    assert 0.003 <= result["cost"]["usd"] < 0.02
    assert result["candidates"] == 5  # the policy writes the rest


def test_a_model_that_answers_nonsense_does_not_stop_the_search(small_log, imagining):
    with ScriptedServer(["I would rather not."]) as server:
        flags = ("--llm", "openai/scripted", "--api-base", server.base, "--run", "r")
        result = imagining.json(*quick(small_log, *flags, candidates=3))
    assert result["champion"]["operator"] == "policy"
    assert result["candidates"] == 3
