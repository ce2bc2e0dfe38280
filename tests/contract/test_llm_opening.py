"""Opening a model client: which names, addresses and keys are taken, and that errors tell what to set and no key."""

import tomllib
import traceback

import pytest

from autorec.domain.errors import ModelError
from autorec.llm.client import NoAnswer, Unusable
from autorec.llm.ledger import Ledger
from autorec.llm.open import open_client
from autorec.testing.llm_server import Fault, ScriptedServer
from tests.contract.model_calls import MODEL, QUICK, ask, closed_port, opened

CANARY = "sk-canary-1234567890"


def test_a_dead_address_is_refused_at_the_start():
    base = f"http://127.0.0.1:{closed_port()}/v1"
    with pytest.raises(ModelError, match=f"nothing answers at {base}") as caught:
        open_client(MODEL, api_base=base, retries=QUICK).check()
    assert not isinstance(caught.value, NoAnswer)
    assert "--api-base" in caught.value.fix


def test_check_costs_no_call_and_refuses_a_wrong_key_only():
    for status, refused in ((200, False), (401, True), (403, False), (404, False), (500, False)):
        with ScriptedServer(["hi"], models_status=status) as server:
            client = opened(server)
            if refused:
                with pytest.raises(ModelError, match="refused the key"):
                    client.check()
            else:
                client.check()
        assert server.requests == []


@pytest.mark.parametrize(
    "fault",
    [Fault(status=s, message=f"Incorrect API key provided: {CANARY}") for s in (400, 401, 403, 404, 429, 500)],
    ids=lambda fault: str(fault.status),
)
def test_the_key_is_in_no_error_and_no_repr(fault, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with ScriptedServer([fault]) as server:
        client = opened(server)
        with pytest.raises(ModelError) as caught:
            ask(client)
    assert server.keys[0] == CANARY
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.fix + repr(client)
    assert CANARY not in shown
    assert "[key]" in shown


def test_a_key_that_the_server_repeats_in_its_reply_is_not_kept(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with ScriptedServer([f"# your key is {CANARY}, thank you"]) as server:
        assert ask(opened(server)).text == "# your key is [key], thank you"


def test_the_key_is_in_no_note(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with ScriptedServer([Fault(status=500, message=CANARY), "hi"]) as server:
        assert CANARY not in repr(ask(opened(server)))


def test_a_missing_key_is_named_before_any_call(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelError, match="OPENAI_API_KEY is not set"):
        open_client("openai/gpt-5")


@pytest.mark.parametrize("name", ["", "gpt-5", "openai/", "/gpt-5"])
def test_a_malformed_name_is_refused(name):
    with pytest.raises(ModelError, match="expected provider/model"):
        open_client(name)


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8000",
        "ftp://127.0.0.1/v1",
        "http://",
        "http://:8000/v1",
        "http://127.0.0.1:abc/v1",
        "http://127.0.0.1:99999/v1",
        "http://127.0.0.1:0/v1",
        "http://[::1/v1",
        "http://two words/v1",
        "http://host\n/v1",
        "http://a..b/v1",
        "http://xn--/v1",
        "http://😀.example/v1",
    ],
)
def test_an_address_that_nothing_can_be_sent_to_is_refused(address):
    with pytest.raises(ModelError, match="expected a URL") as caught:
        open_client("llama", api_base=address)
    assert "http://127.0.0.1:8000/v1" in caught.value.fix


@pytest.mark.parametrize("address", ["http://[::1]:8000/v1", "HTTP://my_host"])
def test_an_unusual_address_is_taken(address):
    assert open_client("llama", api_base=address).model == "llama"


@pytest.mark.parametrize(
    "address",
    [
        f"http://user:{CANARY}@127.0.0.1:8000/v1",
        f"http://{CANARY}@127.0.0.1:8000/v1",
        f"user:{CANARY}@host",
        f"ftp://user:{CANARY}@host:abc",
        f"http://127.0.0.1:8000/v1?api_key={CANARY}",
        f"http://127.0.0.1:8000/v1#{CANARY}",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(address):
    with pytest.raises(ModelError, match="no user or password") as caught:
        open_client("llama", api_base=address)
    assert "OPENAI_API_KEY" in caught.value.fix
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + caught.value.fix


def test_a_key_that_cannot_be_sent_is_refused_at_once(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-“quoted”")
    with pytest.raises(ModelError, match="characters that no key has"):
        open_client("openai/gpt-5")


def test_a_password_in_an_address_of_the_environment_is_redacted(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{CANARY}@proxy:3128")
    with ScriptedServer([Fault(status=401, message=f"via me:{CANARY}")]) as server, pytest.raises(ModelError) as caught:
        ask(opened(server))
    assert CANARY not in str(caught.value)


def test_a_model_that_could_not_be_opened_says_why_at_each_call():
    client = Unusable(model=MODEL, reason="no key", fix="Set it.")
    for call in (client.check, lambda: ask(client)):
        with pytest.raises(ModelError, match="no key") as caught:
            call()
        assert not isinstance(caught.value, NoAnswer)
        assert caught.value.fix == "Set it."


def test_a_cap_needs_a_price():
    with pytest.raises(ModelError, match="nobody knows that of openai/scripted") as caught:
        open_client(MODEL, api_base="http://127.0.0.1:1/v1", ledger=Ledger(max_usd=1.0))
    line = caught.value.fix[caught.value.fix.index("prices.") :]
    assert tomllib.loads(line) == {"prices": {MODEL: {"input": 1.25, "output": 10.0}}}


def test_litellm_serves_the_other_providers(monkeypatch):
    with ScriptedServer([Fault(status=429), "hi", Fault(status=401, message=f"no: {CANARY}")]) as server:
        monkeypatch.setenv("DEEPSEEK_API_BASE", server.base)
        with pytest.raises(ModelError, match="DEEPSEEK_API_KEY is not set"):
            open_client("deepseek/deepseek-chat")
        with pytest.raises(ModelError, match="no provider of that name"):
            open_client("nonsense/model")
        monkeypatch.setenv("DEEPSEEK_API_KEY", CANARY)
        client = open_client("deepseek/deepseek-chat", retries=QUICK, ledger=Ledger(max_usd=1.0))
        answer = ask(client)
        assert answer.text == "hi"
        assert answer.usd > 0
        with pytest.raises(ModelError, match="refused the key in DEEPSEEK_API_KEY") as caught:
            ask(client)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_litellm_refuses_a_wrong_key_before_any_call_where_the_list_of_models_is_free(monkeypatch):
    monkeypatch.setenv("DEEPSEEK_API_KEY", CANARY)
    for status, refused in ((200, False), (401, True), (403, False), (404, False)):
        with ScriptedServer(["hi"], models_status=status) as server:
            monkeypatch.setenv("DEEPSEEK_API_BASE", server.base)
            client = open_client("deepseek/deepseek-chat", retries=QUICK)
            if refused:
                with pytest.raises(ModelError, match="refused the key in DEEPSEEK_API_KEY") as caught:
                    client.check()
                assert "Set DEEPSEEK_API_KEY" in caught.value.fix
            else:
                client.check()
        assert server.requests == []


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-pro", "GOOGLE_API_KEY or GEMINI_API_KEY"),
        ("together_ai/llama", "TOGETHERAI_API_KEY"),
        ("cloudflare/llama", "CLOUDFLARE_API_KEY and CLOUDFLARE_API_BASE"),
    ],
)
def test_litellm_names_what_to_set(model, names, monkeypatch):
    blank = names.split()[0]
    for name in names.split():
        monkeypatch.delenv(name, raising=False)
    for _ in ("not set", "set to nothing"):
        with pytest.raises(ModelError, match=f"{names} is not set") as caught:
            open_client(model)
        assert caught.value.fix == f"Set {names} in the environment."
        monkeypatch.setenv(blank, "")


def test_litellm_takes_credentials_that_may_stand_elsewhere(monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    assert open_client("bedrock/anthropic.claude-3-haiku-20240307-v1:0").model.startswith("bedrock/")


def test_litellm_names_the_variable_that_the_key_came_from(monkeypatch):
    monkeypatch.setenv("TOGETHERAI_API_KEY", CANARY)
    assert open_client("together_ai/llama").endpoint.key_name == "TOGETHERAI_API_KEY"
