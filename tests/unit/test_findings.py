"""What came of hypotheses: which rival a candidate is judged against, and why a hypothesis is open."""

from dataclasses import replace

import pytest

from autorec.domain.candidate import Operator, Plan
from autorec.domain.evaluation import Direction, Objective
from autorec.domain.findings import Finding, findings, rival_of
from autorec.domain.hypothesis import Difference, Hypothesis, Verdict
from autorec.domain.job import OutcomeKind, Stage
from autorec.domain.state import Ask, DeclinedAsk, Fault, State
from autorec.testing.memory import MemoryObjects
from autorec.testing.states import Story

CRASHED = OutcomeKind.CRASHED


@pytest.fixture
def story() -> Story:
    story = Story(MemoryObjects(), hypotheses=("person's",))
    story.tell(files("pop"), operator=Operator.BASELINE, name="pop", value=0.1)
    story.tell(files("ease"), operator=Operator.BASELINE, name="ease", value=0.2)
    story.tell(files("ease_x"), operator=Operator.BASELINE, name="ease_x", value=0.3)
    return story


def files(text: object) -> dict[str, str]:
    return {"model.py": f"# {text}\n", "train.py": ""}


def by_value(ours, theirs) -> Difference:
    """A difference of the means that is known to a hundredth."""
    effect = ours.evaluation.metrics["ndcg@10"] - theirs.evaluation.metrics["ndcg@10"]
    return Difference(effect=effect, low=effect - 0.01, high=effect + 0.01)


def of(state: State, sentence: str) -> Finding:
    return next(f for f in findings(state, by_value) if f.sentence == sentence)


def test_a_rival_is_the_best_parent_else_the_named_baseline_else_the_best(story):
    a, b = story.tell(files(1), value=0.2), story.tell(files(2), value=0.4)
    both = story.tell(files(3), value=0.5, operator=Operator.CROSSOVER, parents=(a.id, b.id))
    state = story.state()
    assert rival_of(both, state).id == b.id
    assert rival_of(a, state).name == "ease_x"
    assert rival_of(a, state, "ndcg@10 +0.01 over ease.").name == "ease"
    assert rival_of(a, state, "ndcg@10 +0.01 over easel").name == "ease_x"


def test_a_repair_answers_for_what_it_mends(story):
    parent = story.tell(files(1), value=0.2)
    broken = story.tell(files(2), outcome=CRASHED, parents=(parent.id,), hypothesis="h")
    story.tell(files(3), value=0.3, operator=Operator.REPAIR, parents=(broken.id,), hypothesis="h")
    found = of(story.state(), "h")
    assert (found.verdict, found.by) == (Verdict.CONFIRMED, "llm")
    assert [answer.against for answer in found.answers] == [None, parent.id]
    assert "failed: crashed" in found.answers[0].why


def test_a_person_comes_first_and_what_a_person_predicts_goes_before_the_model(story):
    story.tell(files(1), value=0.305, hypothesis="model's", predicted_effect="ndcg@10 +0.1")
    story.tell(files(2), value=0.2, hypothesis="person's", predicted_effect="ndcg@10 +0.01")
    state = story.state()
    state = replace(state, hypotheses=(Hypothesis(sentence="person's", predicted_effect="ndcg@10 -0.05"),))
    mine, models = findings(state, by_value)
    assert (mine.by, mine.predicted_effect, mine.verdict) == ("a person", "ndcg@10 -0.05", Verdict.CONFIRMED)
    assert (models.by, models.predicted_effect, models.verdict) == ("llm", "ndcg@10 +0.1", Verdict.REFUTED)


def test_candidates_that_disagree_leave_it_open(story):
    story.tell(files(1), value=0.5, hypothesis="h")
    story.tell(files(2), value=0.3, hypothesis="h")
    assert of(story.state(), "h").verdict is Verdict.CONFIRMED  # one says nothing
    story.tell(files(3), value=0.1, hypothesis="h")
    assert (of(story.state(), "h").verdict, of(story.state(), "h").why) == (Verdict.OPEN, "its candidates disagree")


def test_why_it_is_open(story):
    plan = Plan(proposer="llm", operator=Operator.DRAFT, seed=0, hypothesis="person's")
    state = story.state()
    assert "no candidate yet" in of(state, "person's").why
    asking = replace(state, asks=(Ask(number=1, plan=plan, seen=0),))
    assert "being written" in of(asking, "person's").why
    declined = replace(state, declined=(DeclinedAsk(number=1, plan=plan, reason="no fence"),))
    assert "no fence" in of(declined, "person's").why
    assert "ended before" in of(replace(state, search_ended="out of time"), "person's").why
    record = story.tell(files(1), decided=False, hypothesis="person's")
    waiting = story.state()
    assert "waits" in of(waiting, "person's").why
    assert "being trained" in of(replace(waiting, training=(record.id,)), "person's").why
    assert "ended before" in of(replace(waiting, search_ended="out of time"), "person's").why


def test_without_values_to_compare_it_is_open(story):
    story.tell(files(1), value=0.5, hypothesis="h")
    (_, found) = findings(story.state(), lambda ours, theirs: None)
    assert (found.verdict, found.answers[0].difference) == (Verdict.OPEN, None)


def test_a_model_that_is_out_is_why_nothing_comes(story):
    state = replace(story.state(), faults={"llm": Fault(ask=1, reason="no such key")})
    assert of(state, "person's").why == "llm is out until the run is resumed: no such key"
    again = replace(state, faults={"llm": Fault(ask=1, reason="no such key", tried_again=True)})
    assert "no candidate yet" in of(again, "person's").why


def test_few_units_leave_it_open(story):
    record = story.tell(files(1), value=0.5, hypothesis="h")
    few = replace(record, search=replace(record.search, evaluation=replace(record.search.evaluation, n_units=2)))
    state = story.state()
    state = replace(state, records={**state.records, record.id: few})
    found = of(state, "h")
    assert (found.verdict, "It rests on 2 units" in found.why) == (Verdict.OPEN, True)


def test_best_first_leaves_out_what_was_not_judged_and_keeps_equals_in_order(story):
    told = [story.tell(files(n), value=value) for n, value in enumerate((0.2, None, 0.4, 0.2))]
    waiting = story.tell(files(9), decided=False)
    state = story.state()
    first, failed, best, equal = told
    assert state.best_first([equal, failed, waiting, first, best]) == [best, equal, first]
    assert state.best([failed, waiting]) is None
    lower = replace(
        state, task=replace(state.task, objectives=(Objective(name="ndcg@10", direction=Direction.MINIMIZE),))
    )
    assert lower.best_first(told) == [first, equal, best]
    assert state.best_first(told, Stage.FINAL) == []
