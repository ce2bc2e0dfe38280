"""Caps, gates and fallbacks of model clients: what is not asked, when, and who is asked instead."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from autorec.domain.errors import ModelError
from autorec.llm.client import BudgetSpent, NoAnswer
from autorec.llm.fallback import FallbackClient
from autorec.llm.gate import Gate
from autorec.llm.ledger import Ledger
from autorec.llm.prices import Price
from autorec.llm.retries import Retries, TransientError
from autorec.testing.clock import FakeClock
from autorec.testing.llm_server import Fault, Said, ScriptedServer
from tests.contract.model_calls import MODEL, ask, opened

DOLLAR_A_REPLY_TOKEN = {MODEL: Price(input=0, output=1_000_000)}


def test_the_cap_on_tokens_counts_prompts_and_replies_and_what_was_used_before():
    with ScriptedServer(["four"]) as server:
        client = opened(server, ledger=Ledger(max_tokens=12, spent_tokens=5))
        assert sum((ask(client).prompt_tokens, ask(client).reply_tokens)) == 4
        with pytest.raises(BudgetSpent, match="13 of 12 tokens") as caught:
            ask(client)
    assert "--max-tokens" in caught.value.fix
    assert len(server.requests) == 2


def test_models_share_one_ledger():
    ledger = Ledger(max_usd=1.0)
    with ScriptedServer(["four"]) as server:
        first, second = (opened(server, ledger=ledger, prices=DOLLAR_A_REPLY_TOKEN) for _ in range(2))
        ask(first)
        with pytest.raises(BudgetSpent, match=r"\$1.0000 of \$1.0000"):
            ask(second)


@pytest.mark.parametrize("then", ["hi", Fault(status=500)], ids=["answered in the end", "lost"])
def test_a_stream_that_broke_off_counts_against_the_cap(then):
    with ScriptedServer([Fault(after="four", reset=True), then]) as server:
        client = opened(server, ledger=Ledger(max_usd=1.0), prices=DOLLAR_A_REPLY_TOKEN)
        try:
            broken = ask(client).broken
        except NoAnswer as failure:
            broken = failure.broken
        assert [(each.text, each.usd, each.finish_reason) for each in broken] == [("four", 1.0, "broken off")]
        with pytest.raises(BudgetSpent):
            ask(client)


def test_one_call_passes_a_cap_by_no_more_than_one_of_its_tries():
    with ScriptedServer([Fault(after="x" * 40_000, reset=True)]) as server:
        client = opened(server, ledger=Ledger(max_tokens=5_000))
        with pytest.raises(BudgetSpent, match="10,003 of 5,000 tokens") as caught:
            ask(client)
    assert len(server.requests) == len(caught.value.broken) == 1


def test_a_stream_that_broke_off_is_billed_by_what_came_and_not_by_an_early_figure():
    with ScriptedServer([Fault(after="x" * 40_000, early=True, reset=True), "hi"]) as server:
        broken = ask(opened(server, prices=DOLLAR_A_REPLY_TOKEN)).broken
    assert [(each.reply_tokens, each.usd) for each in broken] == [(10_000, 10_000.0)]


def test_reasoning_that_was_never_answered_is_billed_by_its_characters():
    with ScriptedServer([Said(text="", thought="x" * 400, usage=False, finish="length")]) as server:
        assert ask(opened(server)).reply_tokens == 100


def test_no_more_requests_at_a_time_than_the_gate_lets_through():
    under_way, most, lock = 0, 0, threading.Lock()
    full = threading.Barrier(2)

    def slow(request):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        full.wait(timeout=5)  # two are inside at once, or the test fails
        with lock:
            under_way -= 1
        return "hi"

    with SideBySide(slow) as server, ThreadPoolExecutor(6) as pool:
        client = opened(server, gate=Gate(at_once=2))
        assert [answer.text for answer in pool.map(lambda _: ask(client), range(6))] == ["hi"] * 6
    assert most == 2


class SideBySide(ScriptedServer):
    """Answers requests as they come instead of one at a time."""

    def answer(self, request, key):
        return self._script(request)


def test_requests_of_a_minute_are_counted_over_any_minute():
    time = FakeClock()
    gate = Gate(a_minute=3, clock=time.clock)
    for _ in range(7):
        with gate.passing(within_s=600):
            pass
    assert [round(slept) for slept in time.slept if slept > 1] == [60, 60]  # the 4th and the 7th; others find room


def test_a_turn_beyond_the_deadline_is_not_waited_for():
    time = FakeClock()
    with ScriptedServer(["hi"]) as server:
        client = opened(server, gate=Gate(a_minute=1, clock=time.clock))
        ask(client)
        with pytest.raises(NoAnswer, match="1 requests a minute are used up"):
            ask(client, deadline_s=20)
        assert ask(client, deadline_s=100).text == "hi"
    assert len(server.requests) == 2


def test_a_model_keeps_a_deadline_of_its_own_beside_one_that_takes_longer():
    with ScriptedServer([Fault(stall=True)]) as server:
        client = opened(server, retries=Retries(call_s=0.3))
        with pytest.raises(NoAnswer, match="no answer in time"):
            ask(client, deadline_s=3600.0)


def test_what_gets_its_turn_just_before_the_deadline_is_not_sent():
    time = FakeClock()
    with ScriptedServer(["hi"]) as server:
        client = opened(server, gate=Gate(a_minute=1, clock=time.clock))
        ask(client)
        with pytest.raises(NoAnswer, match=r"not sent: its turn came with \d\.\d of 64 s left") as caught:
            ask(client, deadline_s=64)
    assert "llm_deadline" in caught.value.fix
    assert len(server.requests) == 1


def test_a_place_is_given_back_when_a_request_fails():
    gate = Gate(at_once=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), gate.passing(within_s=0.1):
            raise ZeroDivisionError
    with gate.passing(within_s=0.1), pytest.raises(TransientError, match="places"), gate.passing(within_s=0.01):
        pass


@pytest.mark.parametrize(
    "fault", [Fault(status=500), Fault(status=401), Fault(status=400)], ids=lambda f: str(f.status)
)
def test_another_model_answers_where_the_first_gives_no_answer(fault):
    with ScriptedServer([fault]) as bad, ScriptedServer(["from the other"]) as good:
        client = FallbackClient(first=opened(bad), instead=(opened(good),))
        answer = ask(client)
        assert client.model == MODEL
    assert answer.text == "from the other"
    assert any(note.startswith(f"asked {MODEL} instead after: ") for note in answer.notes)


def test_what_the_first_broke_off_is_billed_beside_the_answer_of_the_other():
    with ScriptedServer([Fault(after="four", reset=True)]) as bad, ScriptedServer(["hi"]) as good:
        answer = ask(FallbackClient(first=opened(bad), instead=(opened(good),)))
    assert [each.text for each in answer.broken] == ["four"] * 3


def test_a_fault_is_lasting_only_where_every_model_has_one():
    for second, lasting in ((Fault(status=401), True), (Fault(status=500), False)):
        with ScriptedServer([Fault(status=404)]) as first, ScriptedServer([second]) as other:
            with pytest.raises(ModelError, match="is not there") as caught:
                ask(FallbackClient(first=opened(first), instead=(opened(other),)))
            assert isinstance(caught.value, NoAnswer) is not lasting


def test_once_the_money_is_spent_no_other_model_is_asked():
    ledger = Ledger(max_usd=1.0, spent_usd=1.0)
    with ScriptedServer(["hi"]) as server:
        one = opened(server, ledger=ledger, prices=DOLLAR_A_REPLY_TOKEN)
        with pytest.raises(NoAnswer, match="are spent"):
            ask(FallbackClient(first=one, instead=(opened(server),)))
    assert server.requests == []
