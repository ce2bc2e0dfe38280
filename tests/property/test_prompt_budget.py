"""Prompts within their tokens: whatever the facts, and however large the archive."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorec.domain.candidate import Operator, Plan
from autorec.domain.job import Limits, OutcomeKind
from autorec.llm.client import Completion
from autorec.prompting.budget import STEPS, TooLongError, cut, fit, of_messages, shortened, tokens
from autorec.prompting.render import Templates
from autorec.prompting.replies import parse_reply
from autorec.prompting.trial import try_out
from autorec.proposers.llm import LLMProposer
from autorec.testing.memory import MemoryObjects
from autorec.testing.replies import design
from autorec.testing.states import TASK, Story

TEMPLATES = Templates(Path(__file__).parents[2] / "prompts")
LEAST = try_out(TEMPLATES, TASK, Limits())
PARENTS = {
    Operator.DRAFT: 0,
    Operator.IMPROVE: 1,
    Operator.SIMPLIFY: 1,
    Operator.REPAIR: 1,
    Operator.HYPOTHESIS: 1,
    Operator.CROSSOVER: 2,
}
GOOD = parse_reply(design("transitions")).sources({})

TEXTS = st.text(max_size=300)
ROWS = st.lists(TEXTS, max_size=8)
FILES = st.dictionaries(st.sampled_from(["model.py", "train.py", "a.py"]), st.text(max_size=9000), max_size=3)
FACTS = st.fixed_dictionaries(
    {"task": TEXTS, "failures": ROWS, "under_way": ROWS, "best": ROWS, "baselines": ROWS, "base": FILES},
    optional={"parent": st.fixed_dictionaries({"idea": TEXTS, "files": FILES}), "kinds": st.dictionaries(TEXTS, ROWS)},
)


def size(facts: Mapping[str, object]) -> int:
    return tokens(repr(facts))


class Echo:
    """A client that answers with one text and keeps what it was told."""

    model = "openai/m"

    def __init__(self, text: str = "no") -> None:
        self.text = text
        self.heard: list[list[str]] = []

    def check(self) -> None: ...

    def complete(self, messages, *, max_tokens, temperature, deadline_s):
        self.heard.append([message.content for message in messages])
        return Completion(
            text=self.text, prompt_tokens=0, reply_tokens=0, usd=None, model="m", latency_s=0.0, finish_reason="stop"
        )


@given(FACTS, st.integers(0, 6000))
def test_facts_fit_or_it_is_said_what_they_take_at_least(facts, most):
    try:
        fitted = fit(facts, size, most)
    except TooLongError as error:
        assert error.least > most
        assert error.least == size(shortened(facts, STEPS))
        return
    assert size(fitted) <= most
    assert fit(facts, size, most) == fitted
    assert fitted["task"] == facts["task"]
    if size(facts) <= most:
        assert fitted == facts


@given(FACTS, st.integers(0, STEPS))
def test_one_thing_after_the_other_gives_way(facts, step):
    before, after = shortened(facts, step), shortened(facts, step + 1)
    for name in ("failures", "under_way", "best"):
        assert len(after[name]) <= len(before[name])
    if after["base"] != facts["base"]:
        assert after["failures"] == after["under_way"] == []
        assert len(after["best"]) <= 1


@given(st.text(max_size=4000), st.integers(100, 3000))
def test_a_cut_text_has_room_and_says_what_is_missing(text, most):
    short = cut(text, most)
    assert len(short.encode(errors="replace")) <= most
    if short != text:
        assert "are left out here" in short
        kept = [line for line in short.split("\n") if "are left out here" not in line]
        assert set(kept) <= set(text.split("\n"))


def story(objects: MemoryObjects, many: int, files: Mapping[str, str] = GOOD) -> tuple[Story, list[str]]:
    """A run with so many candidates, a third of them failures, each with a long idea; and the ids to be edited."""
    made = Story(objects, hypotheses=("Two half-lives beat one.",))
    made.tell({"model.py": "0"}, operator=Operator.BASELINE, proposer="policy", value=0.07, name="ease")
    parents = [made.tell({**files, "a.py": f"A = {n}\n"}, value=0.12, hypothesis="i" * 400).id for n in range(2)]
    for n in range(many):
        made.tell(
            {"model.py": f"X = {n}\n"},
            value=0.1 if n % 3 else None,
            outcome=OutcomeKind.COMPLETED if n % 3 else OutcomeKind.CRASHED,
            operator=Operator.POLICY,
            proposer="policy",
            reason="it broke",
            hypothesis=f"{n:04}" + "h" * 400,
        )
    return made, parents


def asked(made: Story, parents: list[str], objects: MemoryObjects, operator: Operator, most: int, reply: str = "no"):
    """The conversations of one ask: two rounds, as the reply cannot be used."""
    echo = Echo(reply)
    proposer = LLMProposer(
        clients={echo.model: echo}, templates=TEMPLATES, objects=objects, limits=Limits(), prompt_tokens=most
    )
    hypothesis = "Two half-lives beat one." if operator is Operator.HYPOTHESIS else None
    chosen = tuple(parents[: PARENTS[operator]])
    plan = Plan(proposer="llm", operator=operator, seed=0, parents=chosen, hypothesis=hypothesis, model=echo.model)
    proposer.propose(plan, made.state())
    return echo.heard


@pytest.mark.parametrize("operator", PARENTS)
def test_with_a_thousand_candidates_a_prompt_is_no_longer_than_with_ten(operator):
    lengths = []
    for many in (10, 1000):
        objects = MemoryObjects()
        made, parents = story(objects, many)
        heard = asked(made, parents, objects, operator, 32_000)
        lengths.append([of_messages(texts) for texts in heard])
    (few, few_again), (many, many_again) = lengths
    assert many <= few + 40  # one more line on a failure, and numbers of more digits
    assert many_again <= few_again + 40


@pytest.mark.parametrize("operator", PARENTS)
def test_neither_round_is_longer_than_the_budget_whatever_parents_and_replies_are(operator):
    objects = MemoryObjects()
    huge = {f"part_{n}.py": f"X = {n}\n" + f"# value_{n} = 1  # é\n" * 3000 for n in range(9)}
    made, parents = story(objects, 60, {**GOOD, **huge})
    for most in (LEAST, LEAST + 1500, 20_000, 32_000):
        heard = asked(made, parents, objects, operator, most, reply="no use\n" * 40_000)
        assert len(heard) == 2
        for texts in heard:
            assert of_messages(texts) <= most
            system, user = texts[:2]
            assert "# How to reply" in system
            assert "# The task" in user
            assert "# What to do" in user
        assert "Your reply cannot be used" in heard[1][3]


def test_a_parent_that_fits_is_shown_whole_and_one_that_does_not_says_so():
    objects = MemoryObjects()
    made, parents = story(objects, 60)
    system, whole = asked(made, parents, objects, Operator.IMPROVE, 32_000)[0]
    assert GOOD["train.py"].rstrip() in whole
    assert "Failed lately" in whole
    heard = asked(made, parents, objects, Operator.IMPROVE, of_messages((system, whole)) - 1600)
    assert "lines are left out here to save room" in heard[0][1]
    assert "Failed lately" not in heard[0][1]
