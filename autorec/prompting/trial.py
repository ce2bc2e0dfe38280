"""Every prompt rendered once with made-up facts: a fault in a person's template, and a budget of tokens that is too
small, are told before the search.
"""

from collections.abc import Iterator
from typing import Any

from autorec.domain.candidate import Operator
from autorec.domain.diagnosis import (
    Agreement,
    Balance,
    Contrast,
    Course,
    CurveShape,
    Diagnosis,
    Examined,
    Gain,
    Segment,
    Table,
    Twin,
    Weights,
)
from autorec.domain.evaluation import COSTS, CurvePoint, Evaluation, Task, Trained
from autorec.domain.hypothesis import Hypothesis
from autorec.domain.job import Limits, OutcomeKind, Part, Stage, Usage
from autorec.domain.lesson import Lesson
from autorec.domain.state import Generation, Record, State
from autorec.prompting.budget import STEPS, of_messages, shortened
from autorec.prompting.facts import IDEA_CHARACTERS, failure, hypothesis_facts, parent_facts, run_facts, shown
from autorec.prompting.reflecting import reflect_facts
from autorec.prompting.render import Templates

FILES = {
    "model.py": "def build(data, params): ...\n",
    "train.py": "def fit(recommender, data, params, run): ...\n",
    **{f"file_{number}.py": "# a line of some length\n" * 50 for number in range(10)},
}
"""As many as a candidate may have."""
LONG = "x" * IDEA_CHARACTERS
"""As long as a line on a candidate may be."""
FAULTS = ["f" * 400] * 13
REPLY = "r" * 600
KINDS = {"tried": [{"kind": "attention", "count": 1, "best": 0.1}], "untried": ["recurrence"]}
TOLD = Hypothesis(sentence=f"tastes drift within a week {LONG}", predicted_effect="ndcg@10 +0.01")


LEARNED = Lesson(sentence=f"the last item says most {LONG}"[:240], tags=("data",), supports=("parent",))


def try_out(templates: Templates, task: Task, limits: Limits) -> int:
    """Render each prompt at the beginning of a search, and with something of everything that a search can know.

    Returns how many tokens the longest of them takes with all left out that can be, and a refused reply beside it: no
    search gets by with less. Raises UsageError as `Templates.render` does.
    """
    system = templates.render("system", {"role": task.role})
    again = max(
        (
            templates.render(name, {"faults": FAULTS, "truncated": truncated})
            for name in ("again", "reflect_again")
            for truncated in (False, True)
        ),
        key=len,
    )
    least = 0
    for name, facts in _asked(task, limits):
        templates.render(name, facts)
        asked = templates.render(name, shortened(facts, STEPS))
        least = max(least, of_messages((system, asked, REPLY, again)))
    return least


def _asked(task: Task, limits: Limits) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of each prompt, and facts for it."""
    begun, grown = State(seq=1, task=task, seed=0), _grown(task)
    parent, failed = grown.records["parent"], grown.records["failed"]
    for state in (begun, grown):
        yield "draft", run_facts(state, limits) | ({"kinds": KINDS} if state is grown else {})
        yield "hypothesis", hypothesis_facts(state, limits, TOLD.sentence)
    facts = run_facts(grown, limits)
    survivor = facts | parent_facts(parent, grown, FILES)
    for operator in (Operator.IMPROVE, Operator.SIMPLIFY):
        yield operator.value, survivor
    yield "crossover", survivor | {"other": shown(parent, grown, FILES)}
    yield "hypothesis", hypothesis_facts(grown, limits, TOLD.sentence) | parent_facts(parent, grown, FILES)
    broken = parent_facts(failed, grown, FILES)
    yield "repair", facts | broken | {"failure": failure(failed, "Traceback: it broke")}
    looked_back, _ = reflect_facts(grown, limits, [parent, failed])
    yield "reflect", looked_back


def _grown(task: Task) -> State:
    """A search with a baseline, a survivor, a failure, and one under way."""
    records = {
        name: _record(0, name, Operator.BASELINE, _trained(name, task), name=name)
        for name in ("baseline", "ease_recency", "bert4rec")
    } | {
        "parent": _record(
            1, "parent", Operator.DRAFT, _trained("parent", task), hypothesis=f"it is the last item {LONG}"
        ),
        "failed": _record(2, "failed", Operator.IMPROVE, _trained("failed", None), parents=("parent",)),
        "waiting": _record(3, "waiting", Operator.POLICY, None, design={"family": "linear"}),
    }
    generation = Generation(number=1, survivors=("parent",), reasons={}, decided=2)
    return State(
        seq=9,
        task=task,
        seed=0,
        hypotheses=(TOLD,),
        lessons=(LEARNED,),
        records=records,
        asked=3,
        generations=(generation,),
    )


def _record(number: int, candidate: str, operator: Operator, search: Trained | None, **more: Any) -> Record:
    return Record(id=candidate, number=number, operator=operator, proposer="llm", search=search, **more)


def _trained(candidate: str, task: Task | None) -> Trained:
    """A training that was judged, or one that crashed where there is no task to judge it by."""
    figures = {} if task is None else {o.name: 0.1 for o in task.objectives if o.name not in COSTS}
    return Trained(
        candidate=candidate,
        stage=Stage.SEARCH,
        seed=0,
        outcome=OutcomeKind.COMPLETED if figures else OutcomeKind.CRASHED,
        reason="" if figures else "ValueError: it broke",
        tier="trial",
        usage=Usage(training_s=1.0, memory_bytes=1 << 20),
        evaluation=Evaluation(part=Part.SELECT, metrics=figures, n_units=10) if figures else None,
        curve=(CurvePoint(training_s=1.0, value=0.1234, predict_s=0.1),) * 20 if figures else (),
        predict_s=0.1,
        state_bytes=1 << 10,
        diagnosis=_diagnosis("baseline") if figures and candidate != "baseline" else None,
    )


def _diagnosis(other: str) -> Diagnosis:
    """Something of everything that can be told of a training."""
    gain = Gain(group="users by history", name="short", difference=0.01, clear=True)
    contrast = Contrast(of="share of the top 10 in common", in_common=0.5, gained=3, lost=2, unchanged=5, gains=(gain,))
    return Diagnosis(
        examined=Examined(
            segments=(Segment(group=gain.group, name="short", span="1 item", n=10, measure="ndcg@10", value=0.1),),
            balances=(Balance(group="share of places", name="head", given=0.5, wanted=0.25),),
            coverage=0.5,
        ),
        course=Course(shape=CurveShape.RISING, best_at=0.9, used=1.0),
        weights=Weights(n_numbers=640, tables=(Table(name="items.weight", rows=10, columns=4, effective_rank=2.5),)),
        agreements=(Agreement(candidate=other, contrast=contrast),),
        twin=Twin(candidate=other, similarity=0.95),
    )
