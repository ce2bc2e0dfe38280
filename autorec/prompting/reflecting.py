"""What a prompt that asks for lessons tells: the candidates of a generation, and the lessons that touch on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autorec.domain.job import Limits
from autorec.domain.state import Record, State
from autorec.prompting.facts import failure, idea, run_facts, shown
from autorec.prompting.lessons import lesson_rows
from autorec.schemas.lessons import SENTENCE_CHARACTERS

CANDIDATES_SHOWN = 12
MOST_LESSONS = 5
"""New ones in a reply: a few."""
LESSONS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a reply may speak of: candidates by number, and the numbers of lessons."""

    candidates: dict[int, str]
    lessons: frozenset[int]


def reflect_facts(state: State, limits: Limits, decided: Sequence[Record]) -> tuple[dict[str, Any], Shown]:
    """The facts of the prompt, and what it shows."""
    chosen = _some_of_each(decided)
    parents = [state.records[parent] for record in chosen for parent in record.parents if parent in state.records]
    rows = lesson_rows(state, "\n".join(idea(record) for record in chosen), LESSONS_SHOWN)
    facts = {
        **run_facts(state, limits),
        "lessons": rows,
        "decided": [_row(record, state) for record in chosen],
        "most": MOST_LESSONS,
        "characters": SENTENCE_CHARACTERS,
    }
    citable = {record.number: record.id for record in (*chosen, *parents) if not record.is_baseline}
    return facts, Shown(candidates=citable, lessons=frozenset(row["number"] for row in rows))


def _some_of_each(decided: Sequence[Record]) -> list[Record]:
    """All, where they are few; else the newest of those that failed and of those that did not, as many of each."""
    failed = [record for record in decided if not record.ok]
    judged = [record for record in decided if record.ok]
    half = CANDIDATES_SHOWN // 2
    bad = failed[-max(half, CANDIDATES_SHOWN - len(judged)) :]
    good = judged[-(CANDIDATES_SHOWN - len(bad)) :]
    return sorted((*bad, *good), key=lambda record: record.number)


def _row(record: Record, state: State) -> dict[str, Any]:
    """One candidate: what it was to test, what it was made from, and what became of it."""
    parents = [state.records[parent] for parent in record.parents if parent in state.records]
    return {
        **shown(record, state, {}),
        "parents": [{"number": parent.number, "value": state.value(parent)} for parent in parents],
        "failure": None if record.ok else failure(record),
    }
