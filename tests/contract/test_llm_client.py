"""The model client against a real HTTP server on loopback: what is tried again, what is not, and what errors say."""

import socket
import time
import tomllib
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from autorec.domain.errors import ModelError
from autorec.llm.chat import MOST_CHARACTERS
from autorec.llm.client import BudgetSpent, Message, NoAnswer, RequestRefused, Unusable
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
    + [Fault(reset=True), Fault(not_json=True), Fault(no_choices=True)],
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
        (Fault(status=402), "no credit left", "Top up the account of OPENAI_API_KEY"),
        (Fault(status=429, code="insufficient_quota"), "no credit left", "Top up the account of OPENAI_API_KEY"),
    ],
)
def test_lasting_faults_are_not_tried_again_and_say_what_to_set(fault, said, fix):
    with ScriptedServer([fault]) as server, pytest.raises(ModelError, match=said) as caught:
        ask(opened(server))
    assert not isinstance(caught.value, NoAnswer)
    assert fix in caught.value.fix
    assert len(server.requests) == 1


TOO_LONG = Fault(status=400, code="context_length_exceeded")
INVALID = Fault(status=422)


def faults(script) -> list[str]:
    """What each of so many calls ended with."""
    with ScriptedServer(script) as server:
        client, ended = opened(server), []
        for _ in script:
            try:
                ended.append(ask(client).text)
            except ModelError as error:
                ended.append(type(error).__name__)
    assert len(server.requests) == len(script)  # no refused request is sent again
    return ended


def test_a_refused_request_fails_alone_and_several_in_a_row_for_one_cause_are_lasting():
    lost, lasting = "RequestRefused", "ModelError"
    assert faults([TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG]) == [lost, lost, lasting, lasting]
    assert faults([TOO_LONG, TOO_LONG, "hi", TOO_LONG]) == [lost, lost, "hi", lost]
    assert faults([TOO_LONG, TOO_LONG, INVALID, TOO_LONG]) == [lost, lost, lost, lost]


def test_a_content_filter_refuses_words_and_never_the_model():
    filtered = Fault(status=400, code="content_filter")
    assert faults([filtered] * 4) == ["NoAnswer"] * 4
    assert faults([TOO_LONG, TOO_LONG, filtered, TOO_LONG]) == ["RequestRefused"] * 2 + ["NoAnswer", "ModelError"]


def test_refused_requests_say_how_many_and_what_to_check():
    with ScriptedServer([TOO_LONG]) as server:
        client = opened(server)
        for _ in range(2):
            with pytest.raises(RequestRefused, match="status 400, context_length_exceeded") as caught:
                ask(client)
        assert "llm_max_tokens" in caught.value.fix
        with pytest.raises(ModelError, match=r"3 requests in a row: .*scripted fault") as caught:
            ask(client)
        assert "llm_max_tokens" in caught.value.fix


@pytest.mark.parametrize(
    "entry",
    [Said(text="", cost=0.5), Said(text=" \n", cost=0.5), Said(text="", finish="content_filter", cost=0.5)],
    ids=["empty", "blank", "filtered"],
)
def test_an_empty_answer_is_an_answer_with_its_cost(entry):
    with ScriptedServer([entry, "hi"]) as server:
        answer = ask(opened(server))
    assert (answer.text.strip(), answer.finish_reason, answer.usd, answer.prompt_tokens) == ("", entry.finish, 0.5, 3)
    assert len(server.requests) == 1


def test_an_answer_without_choices_is_booked_where_usage_says_that_it_was_billed():
    with ScriptedServer([Fault(no_choices=True, billed=True)]) as server:
        answer = ask(opened(server, prices={MODEL: Price(input=1_000_000, output=0)}))
    assert (answer.text, answer.usd) == ("", 3.0)


def test_a_refusal_in_words_is_the_text():
    with ScriptedServer([Said(text="", refusal="I will not.")]) as server:
        assert ask(opened(server)).text == "I will not."


def test_empty_answers_count_against_the_cap():
    with ScriptedServer([Said(text="", cost=0.6)]) as server:
        client = opened(server, prices={MODEL: Price(input=200_000, output=0)}, max_usd=1.0)
        assert [ask(client).text, ask(client).text] == ["", ""]
        with pytest.raises(BudgetSpent, match=r"\$1\.2000 of \$1\.0000"):
            ask(client)


def test_the_servers_own_sentence_is_told_and_nothing_around_it():
    with ScriptedServer([Fault(status=401, message="Incorrect API key.")]) as server:
        with pytest.raises(ModelError) as caught:
            ask(opened(server))
        where = f"{MODEL} at {server.base}"
    assert str(caught.value) == f"{where} refused the key in OPENAI_API_KEY (status 401): Incorrect API key."


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
    for status, refused in ((200, False), (401, True), (403, False), (404, False), (500, False)):
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


def test_a_huge_reply_is_cut_and_half_a_surrogate_pair_arrives_as_text():
    with ScriptedServer(["x" * 5_000_000, "a\ud800b"]) as server:
        client = opened(server)
        cut = ask(client)
        assert (len(cut.text), cut.truncated, cut.reply_tokens) == (MOST_CHARACTERS, True, 1_250_000)
        assert cut.notes == ("a reply of 5,000,000 characters was cut after 1,048,576",)
        assert ask(client).text.encode()


def test_a_key_that_the_server_repeats_in_its_reply_is_not_kept(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with ScriptedServer([f"# your key is {CANARY}, thank you"]) as server:
        assert ask(opened(server)).text == "# your key is [key], thank you"


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
