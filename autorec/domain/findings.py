"""What came of each hypothesis: the candidates that test it, what they are compared with, and the verdict."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from autorec.domain.evaluation import Trained
from autorec.domain.hypothesis import Difference, Verdict, read_prediction, verdict
from autorec.domain.resolution import too_few
from autorec.domain.state import Record, State

Measure = Callable[[Trained, Trained], Difference | None]
"""A candidate's training against its rival's, on *select*; None where their values by unit were not kept."""

PERSON = "a person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one candidate says of a hypothesis. `against` is the id of its rival."""

    candidate: str
    verdict: Verdict
    why: str
    predicted_effect: str | None = None
    against: str | None = None
    difference: Difference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one hypothesis. `by` is a proposer's name, or a person; `why` says what is behind the verdict."""

    sentence: str
    by: str
    predicted_effect: str | None
    verdict: Verdict
    why: str
    answers: tuple[Answer, ...] = ()


def findings(state: State, measure: Measure) -> tuple[Finding, ...]:
    """Every hypothesis of the run: people's in the order in which they were told, then those of the models by age."""
    people = [hypothesis.sentence for hypothesis in state.hypotheses]
    models = [record.hypothesis for record in state.candidates if record.hypothesis]
    sentences = dict.fromkeys([*people, *models])
    return tuple(_finding(sentence, state, measure) for sentence in sentences)


def rival_of(record: Record, state: State, predicted_effect: str | None = None) -> Record | None:
    """What a candidate's hypothesis is judged against.

    The best of its parents; a parent that failed stands for its own parents, so that a repair answers for what it
    mends. Without any: the baseline that the prediction names, else the best baseline.
    """
    if parents := judged_parents(record, state):
        return state.best(parents)
    baselines = [baseline for baseline in state.baselines if baseline.ok and baseline.id != record.id]
    named = [baseline for baseline in baselines if _names(predicted_effect, baseline.name)]
    return state.best(named or baselines)


def _finding(sentence: str, state: State, measure: Measure) -> Finding:
    told = state.told(sentence)
    tests = [record for record in state.candidates if record.hypothesis == sentence]
    answers = tuple(_answer(record, state, measure) for record in tests)
    predicted = [told.predicted_effect if told else None, *(answer.predicted_effect for answer in answers)]
    outcome, why = _settle(answers) if answers else (Verdict.OPEN, _untested(sentence, state))
    return Finding(
        sentence=sentence,
        by=PERSON if told else tests[0].proposer,
        predicted_effect=next(filter(None, predicted), None),
        verdict=outcome,
        why=why,
        answers=answers,
    )


def _answer(record: Record, state: State, measure: Measure) -> Answer:
    told = state.told(record.hypothesis)
    predicted = (told.predicted_effect if told else None) or record.predicted_effect
    if record.search is None or not record.ok:
        return Answer(
            candidate=record.id, verdict=Verdict.OPEN, why=_unjudged(record, state), predicted_effect=predicted
        )
    rival = rival_of(record, state, predicted)
    difference = measure(record.search, rival.search) if rival and rival.search else None
    few = too_few(record.search.n_units)
    outcome, why = Verdict.OPEN, few or "nothing to compare with was judged"
    if difference is not None and not few:
        primary = state.task.primary
        outcome, why = verdict(difference, read_prediction(predicted, primary.name), primary)
    return Answer(
        candidate=record.id,
        verdict=outcome,
        why=why,
        predicted_effect=predicted,
        against=rival.id if rival else None,
        difference=difference,
    )


def _settle(answers: tuple[Answer, ...]) -> tuple[Verdict, str]:
    """One verdict out of several: open ones say nothing, and those that disagree leave it open."""
    settled = [answer for answer in answers if answer.verdict is not Verdict.OPEN]
    if len({answer.verdict for answer in settled}) > 1:
        return Verdict.OPEN, "its candidates disagree"
    chosen = settled[0] if settled else answers[-1]
    return chosen.verdict, chosen.why


def _unjudged(record: Record, state: State) -> str:
    if record.refused:
        return "a person refused its candidate"
    if record.search is not None:
        return f"its candidate failed: {record.search.outcome}".replace("_", " ")
    if state.search_ended is not None:
        return "the search ended before its candidate was trained"
    if record.id in state.awaiting:
        return "its candidate waits for the approval of a person"
    return "its candidate is being trained" if record.id in state.training else "its candidate waits for a free slot"


def _untested(sentence: str, state: State) -> str:
    unusable = [declined for declined in state.declined if declined.plan.hypothesis == sentence]
    told = f"{len(unusable)} replies gave no candidate, the last: {unusable[-1].reason}" if unusable else ""
    if state.search_ended is not None:
        return told or f"the search ended before a candidate was made ({state.search_ended})"
    if any(ask.plan.hypothesis == sentence for ask in state.asks):
        return "a candidate is being written"
    out = "; ".join(reason for proposer in state.faults if (reason := state.out(proposer)))
    return out or told or "no candidate yet: it is the next thing that the language model is asked for"


def judged_parents(record: Record, state: State) -> list[Record]:
    """Parents that were judged, each once; one that failed is replaced by its own."""
    found: dict[str, Record] = {}
    waiting = list(record.parents)
    while waiting:
        parent = state.records[waiting.pop(0)]
        if parent.ok:
            found[parent.id] = parent
        else:
            waiting += parent.parents
    return list(found.values())


def _names(text: str | None, name: str | None) -> bool:
    return bool(text and name and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE))
