"""The model client against a real HTTP server on loopback: what is tried again, what is not, and what errors say."""

import socket
import time
import tomllib
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from autorec.domain.errors import ModelError
from autorec.llm.client import BudgetSpent, Message, NoAnswer
from autorec.llm.open import open_client
from autorec.llm.prices import Price
from autorec.llm.retries import Retries
from autorec.testing.llm_server import Fault, Said, ScriptedServer

MODEL = "openai/scripted"
QUICK = Retries(attempts=3, first_s=0.01, longest_s=0.05)
CANARY = "sk-canary-1234567890"


def ask(client, **options):
    options = {"max_tokens": 100, "temperature": 0.5, "deadline_s": 10.0, **options}
    return client.complete([Message(role="user", content="hello there")], **options)


def opened(server, **options):
    return open_client(MODEL, api_base=server.base, retries=QUICK, **options)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_an_answer_with_its_cost():
    with ScriptedServer(["hi"]) as server:
        answer = ask(opened(server, prices={MODEL: Price(input=1_000_000, output=2_000_000)}))
    assert (answer.text, answer.finish_reason, answer.model, answer.notes) == ("hi", "stop", MODEL, ())
    assert (answer.prompt_tokens, answer.reply_tokens, answer.usd) == (3, 1, 5.0)
    request = server.requests[0]
    assert request["model"] == "scripted"
    assert request["messages"] == [{"role": "user", "content": "hello there"}]
    assert (request["max_tokens"], request["temperature"]) == (100, 0.5)


def test_the_price_is_unknown_behind_an_own_address_unless_the_provider_tells_it():
    with ScriptedServer(["hi", Said(text="hi", cost=0.25)]) as server:
        client = opened(server)
        assert [ask(client).usd, ask(client).usd] == [None, 0.25]


@pytest.mark.parametrize(
    "fault",
    [Fault(status=s) for s in (408, 409, 429, 500, 502, 503)]
    + [Fault(reset=True), Fault(not_json=True), Fault(no_choices=True), Fault(empty=True)],
    ids=lambda fault: str({k: v for k in fault.__slots__ if (v := getattr(fault, k)) not in (200, None, False)}),
)
class TestPassingFaults:
    def test_are_tried_again(self, fault):
        with ScriptedServer([fault, fault, "hi"]) as server:
            answer = ask(opened(server))
        assert answer.text == "hi"
        assert len(server.requests) == 3
        assert sum(note.startswith("tried again after: ") for note in answer.notes) == 2

    def test_end_after_a_bounded_number_of_tries(self, fault):
        with (
            ScriptedServer([fault]) as server,
            pytest.raises(NoAnswer, match="no usable answer in 3 tries; the last: "),
        ):
            ask(opened(server))
        assert len(server.requests) == 3


def test_a_stalled_call_ends_with_its_deadline():
    began = time.monotonic()
    with ScriptedServer([Fault(stall=True)]) as server, pytest.raises(NoAnswer, match="no answer in time"):
        ask(opened(server), deadline_s=0.5)
    assert time.monotonic() - began < 5


def test_a_stalled_try_is_followed_by_another():
    with ScriptedServer([Fault(stall=True), "hi"]) as server:
        client = open_client(MODEL, api_base=server.base, retries=Retries(attempts=2, first_s=0.01, attempt_s=0.3))
        assert ask(client).text == "hi"


def test_the_wait_that_the_server_asks_for_is_honoured():
    began = time.monotonic()
    with ScriptedServer([Fault(status=429, retry_after_s=0.4), "hi"]) as server:
        ask(opened(server))
    assert time.monotonic() - began >= 0.4


def test_a_wait_beyond_the_deadline_gives_up_at_once():
    began = time.monotonic()
    with ScriptedServer([Fault(status=429, retry_after_s=60)]) as server, pytest.raises(NoAnswer, match="in 1 tries"):
        ask(opened(server), deadline_s=5)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("fault", "said", "fix"),
    [
        (Fault(status=401), "refused the key in OPENAI_API_KEY", "Set OPENAI_API_KEY"),
        (Fault(status=403), "refused the key in OPENAI_API_KEY", "Set OPENAI_API_KEY"),
        (Fault(status=404), "is not there", "--llm provider/model"),
        (Fault(status=400), "refused the request", "--llm"),
        (Fault(status=429, code="insufficient_quota"), "no credit left", "Top it up"),
    ],
)
def test_lasting_faults_are_not_tried_again_and_say_what_to_set(fault, said, fix):
    with ScriptedServer([fault]) as server, pytest.raises(ModelError, match=said) as caught:
        ask(opened(server))
    assert not isinstance(caught.value, NoAnswer)
    assert fix in caught.value.fix
    assert len(server.requests) == 1


def test_a_request_that_is_too_long_fails_alone():
    with ScriptedServer([Fault(status=400, code="context_length_exceeded")]) as server, pytest.raises(NoAnswer):
        ask(opened(server))


def test_a_dead_address_is_refused_at_the_start():
    base = f"http://127.0.0.1:{closed_port()}/v1"
    with pytest.raises(ModelError, match=f"nothing answers at {base}") as caught:
        open_client(MODEL, api_base=base, retries=QUICK).check()
    assert not isinstance(caught.value, NoAnswer)
    assert "--api-base" in caught.value.fix


def test_a_server_that_goes_away_fails_the_call_and_not_the_search():
    client = open_client(MODEL, api_base=f"http://127.0.0.1:{closed_port()}/v1", retries=QUICK)
    with pytest.raises(NoAnswer, match=r"in 3 tries; the last: the connection to http://127\.0\.0\.1:\d+/v1 failed"):
        ask(client)


def test_check_costs_no_call_and_refuses_a_wrong_key_only():
    for status, refused in ((200, False), (401, True), (403, True), (404, False), (500, False)):
        with ScriptedServer(["hi"], models_status=status) as server:
            client = opened(server)
            if refused:
                with pytest.raises(ModelError, match="refused the key"):
                    client.check()
            else:
                client.check()
        assert server.requests == []


def test_a_refused_parameter_is_dropped_once_and_noted():
    fault = Fault(status=400, param="temperature", message="Unsupported value: 'temperature'")
    with ScriptedServer([fault, "hi"]) as server:
        client = opened(server)
        first, second = ask(client), ask(client)
    assert "parameter temperature refused by the model: dropped" in first.notes
    assert first.notes == second.notes
    assert ["temperature" in request for request in server.requests] == [True, False, False]


def test_max_tokens_is_sent_under_its_other_name_where_the_model_wants_that():
    fault = Fault(status=400, message="Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    with ScriptedServer([fault, "hi"]) as server:
        answer = ask(opened(server))
    assert server.requests[1]["max_completion_tokens"] == 100
    assert "max_tokens" not in server.requests[1]
    assert "parameter max_tokens refused by the model: sent as max_completion_tokens" in answer.notes


def test_a_cut_reply_says_so_even_when_empty():
    with ScriptedServer([Said(text="", finish="length"), Said(text="half", finish="length")]) as server:
        client = opened(server)
        assert [ask(client).truncated, ask(client).text] == [True, "half"]


def test_tokens_are_estimated_where_usage_is_not_reported():
    with ScriptedServer([Said(text="12345", usage=False)]) as server:
        answer = ask(opened(server))
    assert (answer.prompt_tokens, answer.reply_tokens) == (3, 2)
    assert "usage not reported: tokens estimated from characters" in answer.notes


def test_a_huge_reply_and_half_a_surrogate_pair_arrive_as_text():
    with ScriptedServer(["x" * 5_000_000, "a\ud800b"]) as server:
        client = opened(server)
        assert len(ask(client).text) == 5_000_000
        assert ask(client).text.encode()


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


def test_the_cap_stops_further_calls():
    prices = {MODEL: Price(input=0, output=1_000_000)}
    with ScriptedServer(["four"]) as server:
        client = opened(server, prices=prices, max_usd=2.0, spent_usd=0.5)
        assert [ask(client).usd, ask(client).usd] == [1.0, 1.0]
        with pytest.raises(BudgetSpent, match=r"\$2.5000 of \$2.0000 are spent"):
            ask(client)
    assert len(server.requests) == 2


def test_the_cap_is_passed_by_no_more_than_the_calls_in_flight():
    prices = {MODEL: Price(input=0, output=1_000_000)}
    with ScriptedServer(["four"]) as server:
        client = opened(server, prices=prices, max_usd=3.0)

        def spend(_):
            try:
                return ask(client).usd
            except BudgetSpent:
                return 0.0

        with ThreadPoolExecutor(4) as pool:
            spent = sum(pool.map(spend, range(40)))
    assert 3.0 <= spent <= 3.0 + 4 * 1.0


def test_a_cap_needs_a_price():
    with pytest.raises(ModelError, match="nobody knows that of openai/scripted") as caught:
        open_client(MODEL, api_base="http://127.0.0.1:1/v1", max_usd=1.0)
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
        client = open_client("deepseek/deepseek-chat", retries=QUICK, max_usd=1.0)
        answer = ask(client)
        assert answer.text == "hi"
        assert answer.usd > 0
        with pytest.raises(ModelError, match="refused the key in DEEPSEEK_API_KEY") as caught:
            ask(client)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
