"""Caps in a whole search: never passed by more than the calls in flight, and the others write the rest."""

from pathlib import Path

import pytest

from autorec.domain.events import Asked, RunStarted
from autorec.domain.job import Limits
from autorec.execution.crew import ThreadCrew
from autorec.journal import Journal
from autorec.llm.ledger import Ledger
from autorec.llm.open import open_client
from autorec.llm.prices import Price
from autorec.prompting.render import Templates
from autorec.proposers.llm import LLMProposer
from autorec.proposers.rotation import Rotation
from autorec.search import Pace, Search
from autorec.testing.llm_server import ScriptedServer
from autorec.testing.loop import BestFirst, InstantTrainer, MemoryEvents, NumberProposer, ScriptedInbox
from autorec.testing.memory import MemoryObjects
from autorec.testing.replies import ScriptedDesigner
from autorec.testing.states import TASK

MODELS = ("openai/a", "openai/b")
AT_ONCE = 3
PROMPTS = Path(__file__).parents[2] / "prompts"


@pytest.mark.parametrize("caps", [{"max_usd": 0.02}, {"max_tokens": 12_000}], ids=["money", "tokens"])
def test_a_cap_is_passed_by_no_more_than_the_calls_in_flight(caps):
    events, objects, ledger = MemoryEvents(), MemoryObjects(), Ledger(**caps)
    prices = dict.fromkeys(MODELS, Price(input=1.0, output=10.0))
    journal = Journal(events)
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    with ScriptedServer(ScriptedDesigner()) as server:
        clients = {name: open_client(name, api_base=server.base, prices=prices, ledger=ledger) for name in MODELS}
        llm = LLMProposer(
            clients=clients, templates=Templates(PROMPTS), objects=objects, limits=Limits(),
            max_usd=ledger.max_usd, budget_tokens=ledger.max_tokens,
        )  # fmt: skip
        others = {"llm": llm, "policy": NumberProposer(decline_every=10**9, name="policy")}
        Search(
            journal=journal,
            inbox=ScriptedInbox(),
            proposer=Rotation(first={}, then=others, at_once=AT_ONCE),
            train=InstantTrainer(objects.put).train,
            selector=BestFirst(2),
            objects=objects,
            crew=ThreadCrew(),
            pace=Pace(
                workers=AT_ONCE, population=4, out_of_time=lambda: False, too_late=lambda: False, max_candidates=40
            ),
        ).run()
        calls = len(server.requests)
    state = journal.state
    spent, cap = (state.spent.usd, ledger.max_usd) if ledger.max_usd else (state.spent.tokens, ledger.max_tokens)
    dearest = max(_cost(record.bills, ledger) for record in (*state.candidates, *state.declined) if record.bills)
    assert cap <= spent <= cap + AT_ONCE * dearest
    assert state.spent.calls == calls
    assert len(state.decided) == 40
    assert all(e.plan.why for e in events.events if isinstance(e, Asked) and e.plan.proposer == "llm")


def _cost(bills, ledger: Ledger) -> float:
    return sum(bill.usd if ledger.max_usd else bill.tokens for bill in bills)
