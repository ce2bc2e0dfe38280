"""Prompts as they were looked at: a change of wording shows up in review as a change of a snapshot."""

from dataclasses import replace
from pathlib import Path

import pytest

from autorec.domain.candidate import Operator, Plan
from autorec.domain.evaluation import Direction, Objective
from autorec.domain.job import Limits, OutcomeKind
from autorec.domain.lesson import Lesson, Tally
from autorec.llm.client import Completion
from autorec.prompting.render import Templates
from autorec.prompting.replies import parse_reply
from autorec.proposers.llm import LLMProposer
from autorec.proposers.reflector import Reflector
from autorec.testing.diagnoses import made_up
from autorec.testing.memory import MemoryObjects
from autorec.testing.replies import design
from autorec.testing.states import TASK, Story

ASKED = (Operator.DRAFT, Operator.IMPROVE, Operator.REPAIR, Operator.CROSSOVER, Operator.SIMPLIFY, Operator.HYPOTHESIS)
PROMPTS = Path(__file__).parents[2] / "prompts"


def _earlier(data_digest: str, support: int, contradiction: int) -> Tally:
    return Tally(
        run="earlier", run_id="1", data="d", data_digest=data_digest, date="2026-01-02", version="1",
        support=support, contradiction=contradiction,
    )  # fmt: skip


LESSONS = (
    Lesson(sentence="A wider encoder is not worth its time.", tags=("encoder", "time"), earlier=(_earlier("1", 3, 2),)),
    Lesson(sentence="Recent items say most.", tags=("data",), earlier=(_earlier(TASK.data_digest, 4, 1),)),
    Lesson(sentence="Negatives by popularity help.", tags=("sampling",)),
)


class Listener:
    """An LLMClient that keeps what it was told and answers with nothing of use."""

    model = "openai/m"

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []

    def check(self) -> None: ...

    def complete(self, messages, *, max_tokens, temperature, deadline_s):
        self.heard.append({message.role: message.content for message in messages})
        return Completion(
            text="no", prompt_tokens=0, reply_tokens=0, usd=None, model="m", latency_s=0.0, finish_reason="stop"
        )


@pytest.fixture
def told() -> dict[Operator, dict[str, str]]:
    """What the model is told for each operator, in a run with a baseline, a success, a failure and one under way."""
    objects, listener = MemoryObjects(), Listener()
    story = Story(objects, hypotheses=("Two half-lives beat one.",), lessons=LESSONS)
    story.tell({"model.py": "0"}, operator=Operator.BASELINE, proposer="policy", value=0.0737, name="ease")
    base = story.tell({"model.py": "00"}, operator=Operator.BASELINE, proposer="policy", value=0.07, name="sasrec")
    good = story.tell({"model.py": "MODEL = 1\n", "train.py": "TRAIN = 1\n"}, value=0.11854321, hypothesis="An idea.",
                      diagnosis=made_up(against=(base.id,)))  # fmt: skip
    second = story.tell({"model.py": "SECOND = 2\n"}, value=0.1101, hypothesis="Something else.",
                        diagnosis=made_up(twin=good.id))  # fmt: skip
    broken = story.tell(
        parse_reply(design("broken")).sources({}),
        outcome=OutcomeKind.MALFORMED,
        reason="score(history, users): scores have shape [256, 1683]; expected [users, n_items] = [256, 1682]",
        log="[0.8 s] loss=7.4\nContractError: scores have shape [256, 1683]",
        hypothesis="A decayed mean keeps most of it.",
    )
    story.tell({"model.py": "3"}, decided=False, hypothesis="Another idea.")
    proposer = LLMProposer(
        clients={"openai/m": listener}, templates=Templates(PROMPTS), objects=objects, limits=Limits()
    )
    state = story.state([good])
    for operator, parents, hypothesis in (
        (Operator.DRAFT, (), None),
        (Operator.IMPROVE, (good.id,), None),
        (Operator.REPAIR, (broken.id,), None),
        (Operator.CROSSOVER, (good.id, second.id), None),
        (Operator.SIMPLIFY, (good.id,), None),
        (Operator.HYPOTHESIS, (good.id,), "Two half-lives beat one."),
    ):
        plan = Plan(
            proposer="llm", operator=operator, seed=0, parents=parents, hypothesis=hypothesis, model=listener.model
        )
        proposer.propose(plan, state)
    return dict(zip(ASKED, listener.heard[::2], strict=True))


@pytest.fixture
def looking_back() -> Story:
    """A generation with a gain, a loss and a failure, and three lessons that were known before."""
    story = Story(MemoryObjects(), lessons=LESSONS)
    story.tell({"model.py": "0"}, operator=Operator.BASELINE, proposer="policy", value=0.0737, name="ease")
    good = story.tell({"model.py": "1"}, value=0.11854321, hypothesis="Recent items say most.")
    for number, value in ((2, 0.1203), (3, 0.09)):
        story.tell(
            {"model.py": f"{number}"},
            value=value,
            operator=Operator.IMPROVE,
            parents=(good.id,),
            hypothesis=f"Idea {number} of the encoder.",
        )
    story.tell({"model.py": "4"}, outcome=OutcomeKind.CRASHED, reason="ValueError: shapes", hypothesis="A wide one.")
    return story


def test_what_is_asked_when_a_generation_has_closed(looking_back, snapshot):
    listener = Listener()
    llm = LLMProposer(
        clients={"openai/m": listener}, templates=Templates(PROMPTS), objects=MemoryObjects(), limits=Limits()
    )
    state = looking_back.closed()
    reflector = Reflector(llm=llm)
    reflector.propose(reflector.plan(state, 0), state)
    assert listener.heard[0]["user"] == snapshot


@pytest.mark.parametrize("operator", ASKED)
def test_what_the_model_is_asked(operator, told, snapshot):
    assert told[operator]["user"] == snapshot


def test_what_the_model_is_told_beforehand(told, snapshot):
    assert told[Operator.DRAFT]["system"] == snapshot


def test_what_is_told_of_ranking_is_of_ranking_alone(snapshot):
    objects, listener = MemoryObjects(), Listener()
    task = replace(
        TASK,
        role="ranking",
        sizes={"rows": 10_000, "numbers": 13, "categories": 26},
        statistics={
            "rows": 7000.0,
            "click_rate": 0.2183,
            "click_rate_in_slice_1_of_5": 0.2064,
            "click_rate_in_slice_2_of_5": 0.2143,
            "click_rate_in_slice_3_of_5": 0.2021,
            "click_rate_in_slice_4_of_5": 0.2421,
            "click_rate_in_slice_5_of_5": 0.2264,
            "number_missing": 0.2109,
            "most_missing_of_a_number": 0.7779,
            "long_tailed_numbers": 6.0,
            "codes": 9821.0,
            "codes_a_category_lowest_tenth": 8.5,
            "codes_a_category_median": 348.0,
            "codes_a_category_highest_tenth": 872.5,
            "most_codes_of_a_category": 1166.0,
            "category_missing": 0.1145,
            "crowded_categories": 4.0,
            "rare_values_in_train": 0.1308,
            "new_or_rare_values_to_answer": 0.1786,
        },
        objectives=(Objective(name="auc"), Objective(name="logloss", direction=Direction.MINIMIZE)),
    )
    story = Story(objects, task=task)
    story.tell({"model.py": "0"}, operator=Operator.BASELINE, proposer="policy", value=0.7483, name="lr")
    proposer = LLMProposer(
        clients={"openai/m": listener}, templates=Templates(PROMPTS), objects=objects, limits=Limits()
    )
    proposer.propose(Plan(proposer="llm", operator=Operator.DRAFT, seed=0, model=listener.model), story.state())
    heard = listener.heard[0]
    for word in ("score(history", "n_items", "EventLog", "catalogue", "interactions"):
        assert word not in heard["system"] + heard["user"]
    assert heard == snapshot
