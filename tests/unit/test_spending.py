"""What language models cost: by candidate, by operator, by model, and before the run begins."""

from dataclasses import replace

import pytest

from autorec.cli.costs import cost_lines, costs_json
from autorec.domain.budget import plan_time
from autorec.domain.candidate import Exchange, Operator, Plan
from autorec.domain.events import Admitted, Asked, Bill, Rejected, RunStarted
from autorec.domain.job import Limits
from autorec.domain.spending import bills_of, spent_by_model, spent_by_operator, spent_on_all
from autorec.journal import Journal
from autorec.schemas.config import load_config
from autorec.testing.loop import MemoryEvents
from autorec.testing.states import TASK
from autorec.wiring.estimate import estimate

A, B = "openai/a", "openai/b"


def call(model: str, tokens: int, usd: float | None) -> Exchange:
    return Exchange(model=model, prompt="", reply="", prompt_tokens=tokens, reply_tokens=0, usd=usd, latency_s=1.0)


def run(*answers: tuple[Operator, bool, tuple[Exchange, ...]]):
    journal = Journal(MemoryEvents())
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    for number, (operator, admitted, calls) in enumerate(answers):
        plan = Plan(proposer="llm", operator=operator, seed=number, model=calls[0].model)
        journal.record(Asked(number=number, plan=plan, seen=1))
        if admitted:
            journal.record(Admitted(candidate=f"c{number}", plan=plan, ask=number, bills=bills_of(calls)))
        else:
            journal.record(Rejected(ask=number, reason="no", bills=bills_of(calls)))
    return journal.state


STATE = run(
    (Operator.DRAFT, True, (call(A, 100, 0.25), call(A, 300, 0.25))),
    (Operator.DRAFT, False, (call(B, 1000, 0.5),)),
    (Operator.IMPROVE, True, (call(A, 50, 0.25), call(B, 500, 0.25))),  # the second round fell back on B
)


def test_the_ledger_adds_up_whichever_way_one_looks():
    assert STATE.spent == Bill(usd=1.5, tokens=1950, calls=5)
    for parts in (spent_by_operator(STATE), spent_by_model(STATE)):
        assert sum(part.bill.usd for part in parts.values()) == 1.5
        assert sum(part.bill.tokens for part in parts.values()) == 1950
        assert sum(part.candidates for part in parts.values()) == 2


def test_a_candidate_costs_what_led_to_none_as_well():
    mean = spent_on_all(STATE).a_candidate
    assert (mean.usd, mean.tokens) == (0.75, 975)
    assert spent_by_operator(STATE)["draft"].a_candidate.usd == 1.0
    assert spent_by_model(STATE)[B].bill.tokens == 1500


def test_status_shows_the_mean_and_each_part():
    text = "\n".join(cost_lines(STATE))
    assert "cost        1,950 tokens, $1.5000\n" in text
    assert "a candidate 975 tokens, $0.7500" in text
    assert "draft     1 of 2 answers, 1,400 tokens, $1.0000; $1.0000 a candidate" in text
    assert "openai/b" in text
    assert costs_json(STATE)["by_model"][A]["usd"] == 0.75


def test_unknown_prices_are_said_and_a_run_without_models_says_little():
    unknown = run((Operator.DRAFT, True, (call(A, 100, None),)))
    assert next(cost_lines(unknown)) == "cost        100 tokens, UNKNOWN price"
    mixed = run((Operator.DRAFT, True, (call(A, 100, None), call(A, 100, 0.5))))
    assert next(cost_lines(mixed)) == "cost        200 tokens, $0.5000 and 1 call of UNKNOWN price"
    assert list(cost_lines(run())) == ["cost        0 tokens, $0.0000"]


def test_calls_of_an_answer_are_summed_by_model():
    assert bills_of((call(A, 1, None), call(B, 2, 0.5), call(A, 4, 1.0))) == (
        Bill(model=B, usd=0.5, tokens=2, calls=1),
        Bill(model=A, usd=1.0, tokens=5, calls=2, unpriced=1),
    )


def test_a_candidate_is_whose_call_came_last():
    broken = replace(call(A, 1, 0.1), broken=True)
    parts = spent_by_model(run((Operator.DRAFT, True, (broken, call(B, 2, 0.1), call(A, 4, 0.1)))))
    assert {name: part.candidates for name, part in parts.items()} == {A: 1, B: 0}


def expected(**options):
    config = load_config({"llm": A, "budget": "20m", "workers": 2, **options})
    plan = plan_time(config.budget, workers=2, finalists=3, baselines=2, slow_baselines=0)
    return estimate(config, plan, STATE, Limits())


PRICED = {A: {"input": 1.0, "output": 10.0}}


def test_the_estimate_is_calls_times_tokens_times_price():
    found = expected(prices=PRICED, max_candidates=10)
    assert found.calls == 8  # ten candidates, every other one by the policy, 1.3 calls each; one look back on eight
    assert found.prompt_tokens > 3000
    assert found.usd(7, 1000) == pytest.approx(7 * (found.prompt_tokens * 1e-6 + 1000 * 1e-5))
    assert found.usd(7, found.most_reply_tokens) > found.usd(7, found.reply_tokens)
    assert expected(prices=PRICED, max_candidates=10, proposers=("llm",), reflect=False).calls == 13
    assert expected(llm=()) is None


def test_the_upper_end_grows_with_the_budget_and_is_told_where_nothing_bounds_it():
    short, long = (expected(prices=PRICED, budget=budget) for budget in ("20m", "2h"))
    assert long.most_calls > 5 * short.most_calls > 5 * short.calls
    assert long.lines()[0].startswith(f"at least {long.calls} calls")
    dollars = f"${long.usd(long.most_calls, long.reply_tokens):.2f}"
    assert f"up to about {long.most_calls:,} calls, {dollars} where trainings end early" in long.lines()[0]
    unknown = expected(api_base="http://127.0.0.1:1/v1").lines()[0]
    assert unknown.endswith("calls where trainings end early")
    bounded = expected(prices=PRICED, max_candidates=5).lines()[0]
    assert bounded.startswith("about 4 calls")


def test_an_unknown_price_is_said_loudly_and_caps_are_told():
    first, second = expected(api_base="http://127.0.0.1:1/v1").lines()
    assert f"PRICE UNKNOWN of {A}" in first
    assert "no cap is set" in second
    assert (
        "once $2 are spent or 5,000 tokens are used" in expected(prices=PRICED, max_usd=2, max_tokens=5000).lines()[1]
    )


def test_several_models_share_the_calls():
    both = {**PRICED, B: {"input": 3.0, "output": 30.0}}
    one, two = (expected(prices=both, llm=llm, max_candidates=10) for llm in (A, (A, B)))
    assert two.calls == one.calls
    assert two.usd(7, 1000) == pytest.approx(2 * one.usd(7, 1000))
