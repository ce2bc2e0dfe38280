"""The model client against a real HTTP server on loopback: what is tried again, what is not, and what errors say."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from autorec.domain.errors import ModelError
from autorec.llm.client import BudgetSpent, NoAnswer, RequestRefused
from autorec.llm.hearing import MOST_CHARACTERS
from autorec.llm.ledger import Ledger
from autorec.llm.open import open_client
from autorec.llm.prices import Price
from autorec.llm.retries import Retries
from autorec.testing.llm_server import Fault, Said, ScriptedServer
from tests.contract.model_calls import MODEL, QUICK, ask, closed_port, opened


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


def test_a_stalled_call_ends_with_its_deadline():
    began = time.monotonic()
    with ScriptedServer([Fault(stall=True)]) as server, pytest.raises(NoAnswer, match="no answer in time"):
        ask(opened(server), deadline_s=0.5)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("fault", [Fault(drip=True), Fault(trickle=True)], ids=["comments", "letters"])
def test_who_is_not_waited_for_lets_go_of_the_connection(fault):
    before = set(threading.enumerate())
    with ScriptedServer([fault]) as server:
        with pytest.raises(NoAnswer, match="no answer in time"):
            ask(opened(server), deadline_s=1.0)
        calls = [each for each in threading.enumerate() if each.name == "model call" and each not in before]
        for thread in calls:
            thread.join(5)
        assert not any(thread.is_alive() for thread in calls)


def test_a_whole_answer_may_take_longer_than_a_stream_may_be_silent():
    def slow(request):
        if "stream" in request:
            return Fault(ends=True)
        threading.Event().wait(0.6)  # an answer that takes its time is the point
        return "hi"

    with ScriptedServer(slow) as server:
        answer = ask(opened(server, retries=Retries(attempts=2, first_s=0.01, silence_s=0.3)))
    assert answer.text == "hi"
    assert len(server.requests) == 2


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


def test_empty_answers_count_against_the_cap():
    with ScriptedServer([Said(text="", cost=0.6)]) as server:
        client = opened(server, prices={MODEL: Price(input=200_000, output=0)}, ledger=Ledger(max_usd=1.0))
        assert [ask(client).text, ask(client).text] == ["", ""]
        with pytest.raises(BudgetSpent, match=r"\$1\.2000 of \$1\.0000"):
            ask(client)


def test_the_servers_own_sentence_is_told_and_nothing_around_it():
    with ScriptedServer([Fault(status=401, message="Incorrect API key.")]) as server:
        with pytest.raises(ModelError) as caught:
            ask(opened(server))
        where = f"{MODEL} at {server.base}"
    assert str(caught.value) == f"{where} refused the key in OPENAI_API_KEY (status 401): Incorrect API key."


def test_a_server_that_goes_away_fails_the_call_and_not_the_search():
    client = open_client(MODEL, api_base=f"http://127.0.0.1:{closed_port()}/v1", retries=QUICK)
    with pytest.raises(NoAnswer, match=r"in 3 tries; the last: the connection to http://127\.0\.0\.1:\d+/v1 failed"):
        ask(client)


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
        assert (len(cut.text), cut.truncated) == (MOST_CHARACTERS, True)
        assert cut.reply_tokens == 5_000_000 // 8 * 2 // 4  # what was heard until it was enough
        assert "a longer reply was cut after 1,048,576 characters" in cut.notes
        assert ask(client).text.encode()


def test_the_cap_stops_further_calls():
    prices = {MODEL: Price(input=0, output=1_000_000)}
    with ScriptedServer(["four"]) as server:
        client = opened(server, prices=prices, ledger=Ledger(max_usd=2.0, spent_usd=0.5))
        assert [ask(client).usd, ask(client).usd] == [1.0, 1.0]
        with pytest.raises(BudgetSpent, match=r"\$2.5000 of \$2.0000 are spent"):
            ask(client)
    assert len(server.requests) == 2


def test_the_cap_is_passed_by_no_more_than_the_calls_in_flight():
    prices = {MODEL: Price(input=0, output=1_000_000)}
    with ScriptedServer(["four"]) as server:
        client = opened(server, prices=prices, ledger=Ledger(max_usd=3.0))

        def spend(_):
            try:
                return ask(client).usd
            except BudgetSpent:
                return 0.0

        with ThreadPoolExecutor(4) as pool:
            spent = sum(pool.map(spend, range(40)))
    assert 3.0 <= spent <= 3.0 + 4 * 1.0
