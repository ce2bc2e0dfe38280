"""What the candidates of a run are by their code: which kinds were tried, and whether an answer is one of them again.

Each is looked at once. All comes from the state and the sources that the run keeps, so a replay sees the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autorec.domain.candidate import Operator, Plan
from autorec.domain.state import Record, State
from autorec.prompting.kinds import KINDS, kinds_of, may_be
from autorec.prompting.sketch import Sketch, sketch

NEAR = 0.998
"""So alike are a draft and what it copies. Designs of our search spaces that differ in numbers alone are at 1, those
that differ in one choice of structure below 0.996: a call of another sampler in two thousand runs of tokens."""
OPEN = (Operator.DRAFT,)
"""Whose answers must be new in more than numbers. What starts from a candidate, or tests a person's sentence, may
change a number alone: of such an answer only what changes nothing of substance is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One candidate as it was looked at."""

    kinds: tuple[str, ...]
    sketch: Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A known candidate that an answer is nearly the same as, and how alike they are (1: the same but for names)."""

    record: Record
    likeness: float
    same: bool


@dataclass(frozen=True, slots=True)
class Known:
    """Looks at the candidates of one run, at each once; `sources` gives the files of one by its id."""

    sources: Callable[[str], Mapping[str, str]]
    _seen: dict[str, Seen] = field(default_factory=dict)

    def kinds(self, state: State) -> Mapping[str, Any]:
        """Kinds that were tried with how often and how well, the best first, and those that the data allows and
        nobody tried; none where nothing is known, of the run or of its role.
        """
        told = list(self._looked_at(state))
        counts = {
            kind: [record for record, seen in told if kind in seen.kinds] for kind in KINDS.get(state.task.role, {})
        }
        if not told or not counts:
            return {}
        tried = [_row(kind, records, state) for kind, records in counts.items() if records]
        worth = state.task.primary.worth
        tried.sort(key=lambda row: (row["best"] is None, -worth(row["best"] or 0.0)))
        untried = [kind for kind, records in counts.items() if not records and may_be(kind, state.task.statistics)]
        return {"tried": tried, "untried": untried}

    def twin(self, files: Mapping[str, str], plan: Plan, state: State) -> Twin | None:
        """The known candidate that an answer to the plan repeats; None where it is new enough."""
        mine = sketch(files)
        known = [(record, seen.sketch) for record, seen in self._looked_at(state)]
        if same := next((record for record, other in known if other.digest == mine.digest), None):
            return Twin(record=same, likeness=1.0, same=True)
        if plan.operator not in OPEN:
            return None
        near = [(mine.likeness(other), record) for record, other in known if mine.at_most(other) >= NEAR]
        likeness, record = max(near, key=lambda pair: pair[0], default=(0.0, None))
        return Twin(record=record, likeness=likeness, same=False) if record and likeness >= NEAR else None

    def _looked_at(self, state: State) -> Iterator[tuple[Record, Seen]]:
        for record in state.records.values():
            if record.id not in self._seen:
                files = self.sources(record.id)
                self._seen[record.id] = Seen(kinds=kinds_of(files, state.task.role), sketch=sketch(files))
            yield record, self._seen[record.id]


def repeats(twin: Twin, state: State) -> str:
    """What a model is told of an answer that repeats a candidate."""
    value = state.value(twin.record)
    fate = "which is not judged yet" if twin.record.search is None else "which failed"
    if value is not None:
        fate = f"which scored {state.task.primary.name} {value:.4f}"
    alike = "the same code but for names, comments, annotations and layout"
    if not twin.same:
        alike = f"nearly the same code but for numbers and names (similarity {twin.likeness:.2f})"
    name = twin.record.name or f"#{twin.record.number}"
    return f"this is {alike} as {name}, {fate}; change an idea, not a constant or a name"


def _row(kind: str, records: Sequence[Record], state: State) -> dict[str, Any]:
    best = state.best(records)
    return {"kind": kind, "count": len(records), "best": state.value(best) if best else None}
