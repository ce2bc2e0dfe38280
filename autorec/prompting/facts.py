"""What a prompt may know of a run: figures and one-line ideas, never raw text of the data set.

All figures are of *select*, the part that drives the search. The prompt does not grow with the run: only the best
few candidates and the last few failures are told.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from autorec.domain.candidate import Operator
from autorec.domain.evaluation import Objective, Trained, value_of
from autorec.domain.job import Limits
from autorec.domain.state import Record, State
from autorec.prompting.diagnosis import diagnosis_facts, repeats
from autorec.prompting.lessons import lesson_rows

BEST_TOLD = 8
UNDER_WAY_TOLD = 6
FAILURES_TOLD = 5
IDEA_CHARACTERS = 240
LOG_CHARACTERS = 4000
LOG_LINES = 60
WHOLE_SECONDS = ("training_s",)
ROUGH_SECONDS = ("predict_s",)
"""Told with one digit: the next time, or on another machine, the others are different."""

_ELAPSED = re.compile(r"^\[(\d+)\.\d+ s\]", re.MULTILINE)
"""What `run.log` writes before each line."""


def run_facts(state: State, limits: Limits) -> dict[str, Any]:
    """Task, limits and archive: what every prompt is told."""
    under_way = [r for r in state.candidates if r.search is None]
    mended = _mended(state)
    failed = [r for r in state.candidates if r.search is not None and not r.ok and r.id not in mended]
    objectives = state.task.objectives
    return {
        "task": state.task,
        "limits": limits,
        "baselines": [_baseline(r, state.task.primary) for r in state.best_first(state.baselines)],
        "best": [_row(r, objectives) for r in state.best_first(state.candidates)[:BEST_TOLD]],
        "repeats": repeats(state),
        "under_way": [idea(r) for r in under_way[-UNDER_WAY_TOLD:]],
        "failures": [failure(r) for r in failed[-FAILURES_TOLD:]],
        "kinds": {},
        "statistics": state.task.statistics,
        "lessons": lesson_rows(state),
    }


def hypothesis_facts(state: State, limits: Limits, hypothesis: str | None) -> dict[str, Any]:
    """What every prompt is told, and what is to be tested with the effect that a person predicted; there is no parent
    before something has survived.
    """
    told = state.told(hypothesis)
    predicted_effect = told.predicted_effect if told else None
    return {**run_facts(state, limits), "hypothesis": hypothesis, "predicted_effect": predicted_effect, "parent": None}


def parent_facts(record: Record, state: State, files: Mapping[str, str]) -> dict[str, Any]:
    """A parent's sources, figures and learning curve."""
    return {"parent": shown(record, state, files), "base": files, "fence": fence_for(files.values())}


def shown(record: Record, state: State, files: Mapping[str, str]) -> dict[str, Any]:
    """All of one candidate: its sources, figures and learning curve."""
    curve = [point.value for point in record.search.curve] if record.search else []
    row = _row(record, state.task.objectives)
    return {
        **row,
        "curve": curve,
        "diagnosis": diagnosis_facts(record, state),
        "files": files,
        "fence": fence_for(files.values()),
    }


def failure(record: Record, log: str = "") -> dict[str, Any]:
    """How a candidate failed, and the end of what it printed."""
    trained = _trained(record)
    tail = "\n".join(_ELAPSED.sub(r"[\1 s]", log[-LOG_CHARACTERS:]).split("\n")[-LOG_LINES:]).strip()
    return {
        "number": record.number,
        "outcome": str(trained.outcome).replace("_", " "),
        "reason": _one_line(_cause_first(trained.reason)),
        "log": tail,
    }


def idea(record: Record) -> str:
    """One line on what a candidate is: its hypothesis, or the choices of a policy."""
    if record.hypothesis:
        return _one_line(record.hypothesis)
    if record.design:
        return _one_line(", ".join(f"{name}={value}" for name, value in record.design.items()))
    return record.name or "no description"


def fence_for(texts: Any) -> str:
    """Backticks enough that no text closes the fence."""
    longest = max((len(run) for text in texts for run in _backtick_runs(text)), default=0)
    return "`" * max(3, longest + 1)


def _backtick_runs(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip() and set(line.strip()) == {"`"}]


def _row(record: Record, objectives: Sequence[Objective]) -> dict[str, Any]:
    figures = {o.name: _value(record.search, o.name) for o in objectives} if record.search and record.ok else {}
    return {"number": record.number, "operator": record.operator, "figures": figures, "idea": idea(record)}


def _baseline(record: Record, primary: Objective) -> dict[str, Any]:
    return {"name": record.name or idea(record), "value": value_of(_trained(record), primary.name)}


def _value(trained: Trained, name: str) -> float:
    value = value_of(trained, name)
    if name in ROUGH_SECONDS:
        return float(f"{value:.1g}")
    return float(round(value)) if name in WHOLE_SECONDS else value


def _trained(record: Record) -> Trained:
    if record.search is None:
        raise ValueError(f"candidate {record.number} has not been trained")
    return record.search


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= IDEA_CHARACTERS:
        return line
    return line[:IDEA_CHARACTERS].rsplit(" ", 1)[0] + " ..."


def _cause_first(reason: str) -> str:
    """Of a traceback its last line, which names the cause, then the innermost place; another text as it is."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    places = [line for line in lines if line.startswith("File ")]
    return f"{lines[-1]} ({places[-1]})" if places else reason


def _mended(state: State) -> set[str]:
    """Failures that a repair has made good, and those that it descends from."""
    mended: set[str] = set()
    for record in state.candidates:
        made_good = record
        while record.ok and made_good.operator is Operator.REPAIR:
            made_good = state.records[made_good.parents[0]]
            mended.add(made_good.id)
    return mended
