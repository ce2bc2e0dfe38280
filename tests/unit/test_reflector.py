"""A language model looks back: when, on what, whom it asks, and what becomes of its reply."""

from dataclasses import replace
from pathlib import Path

import pytest

from autorec.domain.candidate import Declined, Operator, Plan
from autorec.domain.events import Bill
from autorec.domain.job import Limits, OutcomeKind
from autorec.domain.lesson import Lesson, Lessons, Note
from autorec.domain.state import Ask, DeclinedAsk, Fault, Generation, Reflection, State
from autorec.llm.client import Completion, NoAnswer
from autorec.prompting.reflecting import CANDIDATES_SHOWN
from autorec.prompting.render import Templates
from autorec.proposers.llm import LLMProposer
from autorec.proposers.reflector import Reflector
from autorec.testing.memory import MemoryObjects
from autorec.testing.states import Story

PROMPTS = Path(__file__).parents[2] / "prompts"
GOOD = "lesson: Short histories suffice.\nsupported by: #1\ncontradicted by: #2\nabout: data\n"


class Speaker:
    """An LLMClient that says one thing after the other; an exception is raised."""

    def __init__(self, *says, model="m") -> None:
        self.model = model
        self.prompts: list[str] = []
        self._says = list(says)

    def check(self) -> None: ...

    def complete(self, messages, *, max_tokens, temperature, deadline_s):
        self.prompts.append(messages[-1].content)
        said = self._says.pop(0)
        if isinstance(said, Exception):
            raise said
        return Completion(
            text=said, prompt_tokens=9, reply_tokens=1, usd=0.5, model=self.model, latency_s=0.0, finish_reason="stop"
        )


def reflector(*speakers: Speaker, **options) -> Reflector:
    return Reflector(
        llm=LLMProposer(
            clients={speaker.model: speaker for speaker in speakers or (Speaker(),)},
            templates=Templates(PROMPTS),
            objects=MemoryObjects(),
            limits=Limits(),
            **options,
        )
    )


@pytest.fixture
def story() -> Story:
    told = Story(MemoryObjects())
    told.tell({"model.py": "0"}, operator=Operator.BASELINE, value=0.1, name="ease")
    parent = told.tell({"model.py": "1"}, value=0.123456789, hypothesis="An idea.")
    told.tell({"model.py": "2"}, outcome=OutcomeKind.CRASHED, reason="ValueError: no", parents=(parent.id,))
    return told


def next_generation(state: State) -> State:
    number = len(state.generations) + 1
    return replace(
        state, generations=(*state.generations, Generation(number=number, survivors=(), reasons={}, decided=0))
    )


def done(state: State, plan: Plan) -> State:
    return replace(state, reflections=(*state.reflections, Reflection(number=90, plan=plan, notes=())))


def lost(state: State, plan: Plan) -> State:
    return replace(state, declined=(*state.declined, DeclinedAsk(number=91, plan=plan, reason="no")))


def test_it_looks_back_once_a_generation(story):
    r = reflector()
    assert r.plan(story.state(), 0) is None
    state = story.closed()
    plan = r.plan(state, 0)
    assert (plan.operator, plan.model, plan.parents, plan.hypothesis) == (Operator.REFLECT, "m", (), None)
    under_way = replace(state, asks=(Ask(number=9, plan=plan, seen=1),))
    assert r.plan(under_way, 0) is None
    assert r.plan(done(state, plan), 0) is None
    assert r.plan(next_generation(done(state, plan)), 0).design == {"generation": 2}


def test_a_failed_try_is_tried_once_more(story):
    r, state = reflector(), story.closed()
    plan = r.plan(state, 0)
    assert r.plan(lost(state, plan), 0) == plan
    assert r.plan(lost(lost(state, plan), plan), 0) is None
    assert r.plan(next_generation(lost(lost(state, plan), plan)), 0) is not None


def test_it_obeys_caps_and_faults(story):
    state = story.closed()
    assert reflector(max_usd=1.0).plan(replace(state, spent=Bill(usd=1.0)), 0) is None
    assert reflector(budget_tokens=9).plan(replace(state, spent=Bill(tokens=9)), 0) is None
    assert reflector().plan(replace(state, faults={"m": Fault(ask=0, reason="no key")}), 0) is None


def test_of_several_models_the_one_is_asked_whose_answers_were_worth_most(story):
    story.tell({"model.py": "5"}, value=0.01, model="dull")
    story.tell({"model.py": "6"}, value=0.5, model="bright")
    plan = reflector(Speaker(model="dull"), Speaker(model="bright")).plan(story.closed(), 0)
    assert plan.model == "bright"
    assert "bright has given the best answers" in plan.why


def test_a_reply_becomes_notes_and_is_paid_for(story):
    speaker, state = Speaker(GOOD), story.closed()
    r = reflector(speaker)
    answer = r.propose(r.plan(state, 0), state)
    (won, failed) = (record.id for record in state.candidates)
    note = Note(sentence="Short histories suffice.", tags=("data",), supported=(won,), contradicted=(failed,))
    assert isinstance(answer, Lessons)
    assert answer.notes == (note,)
    assert [exchange.usd for exchange in answer.exchanges] == [0.5]
    assert "#1 (draft): An idea." in speaker.prompts[0]
    assert "ndcg@10 0.1235" in speaker.prompts[0]
    assert "#2 (draft of #1, which has 0.1235)" in speaker.prompts[0]
    assert "crashed: ValueError: no" in speaker.prompts[0]
    assert "secret-name" not in speaker.prompts[0]


def test_a_broken_reply_goes_back_once_with_the_exact_fault(story):
    speaker, state = Speaker("I see.", GOOD), story.closed()
    r = reflector(speaker)
    answer = r.propose(r.plan(state, 0), state)
    assert isinstance(answer, Lessons)
    assert len(answer.exchanges) == 2
    assert "the reply has no lesson" in speaker.prompts[1]
    assert "then all files" not in speaker.prompts[1]
    again = reflector(Speaker("I see.", "I do.")).propose(r.plan(state, 0), state)
    assert isinstance(again, Declined)
    assert not again.lasting


def test_a_call_without_an_answer_is_declined(story):
    r, state = reflector(Speaker(NoAnswer("busy"))), story.closed()
    assert isinstance(r.propose(r.plan(state, 0), state), Declined)


def test_the_prompt_does_not_grow_and_shows_failures_beside_the_judged(story):
    lengths = []
    for many in (30, 300):
        for i in range(many):
            failed = i % 3
            story.tell(
                {"model.py": f"{many} {i}"},
                value=None if failed else 0.2,
                outcome=OutcomeKind.CRASHED if failed else OutcomeKind.COMPLETED,
                hypothesis=f"idea {i:03}",
            )
        speaker = Speaker("nothing new")
        r = reflector(speaker)
        known = tuple(Lesson(sentence=f"Lesson {i:04} is one of many.") for i in range(many))
        state = replace(story.closed(), lessons=known)
        assert r.propose(r.plan(state, 0), state).notes == ()
        lengths.append(len(speaker.prompts[0]))
        shown = speaker.prompts[0].split("# What was decided")[1].split("# Lessons")[0]
        assert shown.count("\n- #") == CANDIDATES_SHOWN
        assert shown.count("crashed") == CANDIDATES_SHOWN // 2
    assert abs(lengths[1] - lengths[0]) < 200
