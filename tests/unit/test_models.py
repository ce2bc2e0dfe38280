"""From the names in the configuration to clients: one ledger, addresses by model, and what cannot be used."""

import pytest

from autorec.domain.errors import ModelError, UsageError
from autorec.domain.events import Bill
from autorec.llm.client import BudgetSpent, Message
from autorec.schemas.config import load_config
from autorec.testing.llm_server import ScriptedServer
from autorec.wiring.models import open_models, prices_of, reopen_models

A, B = "openai/a", "openai/b"
FREE = {A: {"input": 0.0, "output": 0.0}, B: {"input": 0.0, "output": 1_000_000.0}}


def ask(client):
    return client.complete([Message(role="user", content="hello")], max_tokens=10, temperature=0.0, deadline_s=10.0)


def test_each_model_has_its_address_and_all_share_the_caps():
    with ScriptedServer(["from a"]) as a, ScriptedServer(["from b"]) as b:
        config = load_config({"llm": (A, B), "api_base": a.base, "api_bases": {B: b.base}, "max_tokens": 5})
        models = open_models(config)
        assert list(models) == [A, B]
        assert ask(models[B]).text == "from b"
        assert ask(models[A]).text == "from a"
        with pytest.raises(BudgetSpent, match="of 5 tokens"):
            ask(models[B])


@pytest.mark.parametrize(("given", "longest"), [({}, 600.0), ({"llm_deadline": "20m"}, 1200.0)])
def test_a_mailbox_is_waited_for_and_the_models_beside_it_keep_their_own_deadline(tmp_path, given, longest):
    with ScriptedServer(["hi"]) as server:
        box = f"mailbox:{tmp_path / 'box'}"
        config = load_config({"llm": A, "llm_fallback": (box,), "api_base": server.base, "budget": "2h", **given})
        first, box_client = open_models(config)[A].first, open_models(config)[A].instead[0]
    assert first.retries.call_s == longest
    assert box_client.client.folder == tmp_path / "box"  # has no deadline but the one that it is given


@pytest.mark.parametrize("opening", [open_models, lambda config: reopen_models(config, Bill())], ids=["new", "again"])
def test_a_model_that_writes_and_stands_in_is_opened_once(opening):
    with ScriptedServer(["hi"]) as server:
        models = opening(load_config({"llm": (A, B), "llm_fallback": (B,), "api_base": server.base}))
    assert models[A].instead == (models[B],)
    assert models[A].instead[0] is models[B]


def test_what_was_spent_before_counts_when_a_run_goes_on():
    with ScriptedServer(["hi"]) as server:
        config = load_config({"llm": A, "api_base": server.base, "max_usd": 1, "prices": FREE})
        with pytest.raises(BudgetSpent, match=r"\$1.0000 of \$1.0000"):
            ask(reopen_models(config, Bill(usd=1.0))[A])


def test_the_fallback_of_a_model_that_is_gone_answers_when_a_run_goes_on():
    with ScriptedServer(["hi"]) as server:
        dead = "http://127.0.0.1:9/v1"
        config = load_config({"llm": A, "llm_fallback": (B,), "api_bases": {A: dead, B: server.base}})
        with pytest.raises(ModelError, match="nothing answers at"):
            open_models(config)
        answer = ask(reopen_models(config, Bill())[A])
    assert (answer.text, answer.model) == ("hi", B)


@pytest.mark.parametrize("key", ["max_tokens", "llm_fallback", "api_bases"])
def test_what_needs_a_model_is_refused_without_one(key):
    given = {"max_tokens": 5, "llm_fallback": (B,), "api_bases": {B: "http://127.0.0.1:9/v1"}}
    with pytest.raises(UsageError, match=f"{key} needs a language model"):
        open_models(load_config({key: given[key]}))


def test_an_address_of_a_stranger_is_refused():
    with pytest.raises(UsageError, match="'openai/c' is no model of this search"):
        open_models(load_config({"llm": A, "api_bases": {"openai/c": "http://127.0.0.1:9/v1"}}))


def test_a_price_behind_an_own_address_is_the_users_or_unknown():
    config = load_config({"llm": (A, "openai/gpt-4o"), "api_bases": {A: "http://127.0.0.1:9/v1"}})
    found = prices_of(config)
    assert found[A] is None
    assert found["openai/gpt-4o"].input > 0
