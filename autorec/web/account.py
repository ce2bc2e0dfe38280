"""A run gathered for a reader: what happened when, who led, what each part says. Nothing here knows HTML."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from autorec.domain import events as ev
from autorec.domain.errors import RunError
from autorec.domain.evaluation import Trained
from autorec.domain.findings import Finding
from autorec.domain.fold import Fold
from autorec.domain.job import Stage
from autorec.domain.state import Record, State
from autorec.ports import Objects
from autorec.store.folder import RunFolder
from autorec.wiring import Comparison, against_baselines, weigh_hypotheses

LOOKED_INTO = 8
"""Candidates whose code and diff are shown."""
BASELINES = 3
"""Baselines that are diagnosed beside them."""

PURPOSES = ("baselines", "candidates", "candidates that failed", "finalists and final")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A decided candidate: its place in the order of decisions, seconds of work until then, and its value."""

    record: Record
    place: int
    worked_s: float
    value: float | None
    led: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of the run and the seconds of wall clock that it took."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Account:
    """A run as it stands.

    `called` is what commands take for it, `path` its folder. `moments` gives the seconds of work at which each event
    was recorded, `rows` the interactions in each part.
    """

    name: str
    path: str
    called: str
    at_work: bool
    objects: Objects
    started: ev.RunStarted
    began: datetime
    worked_s: float
    state: State
    findings: tuple[Finding, ...]
    moments: tuple[tuple[float, ev.Event], ...]
    rows: Mapping[str, int]
    split_notes: tuple[str, ...]

    @property
    def standing(self) -> str:
        """See `State.standing`."""
        return self.state.standing(self.at_work)

    @property
    def champion(self) -> Record | None:
        return self.state.records.get(self.state.champion or "")

    @cached_property
    def judged_on(self) -> Mapping[str, int]:
        """How many units (users, or rows) each part was judged on."""
        every = [t for r in self.state.records.values() for t in (r.search, *r.finals) if t is not None]
        return {str(t.evaluation.part): t.evaluation.n_units for t in every if t.evaluation}

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        return against_baselines(self.state, self.objects)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Decided candidates in the order of decision, baselines apart."""
        return tuple(_steps(self.state, self.moments))

    @cached_property
    def leader(self) -> Record | None:
        """The best so far on select."""
        return next((step.record for step in reversed(self.steps) if step.led), None)

    @cached_property
    def looked_into(self) -> tuple[Record, ...]:
        """Whose code is shown: champion, finalists, survivors, then those that led, the last first."""
        led = [step.record for step in reversed(self.steps) if step.led]
        finalists = [self.state.records[i] for i in self.state.finalists]
        every = [*([self.champion] if self.champion else []), *finalists, *self.state.survivors, *led]
        unique = {record.id: record for record in every if not record.is_baseline}
        return tuple(unique.values())[:LOOKED_INTO]

    @cached_property
    def diagnosed(self) -> tuple[Record, ...]:
        """Those whose code is shown and the best baselines, as far as their training in the search was diagnosed."""
        baselines = self.state.best_first(self.state.baselines)[:BASELINES]
        return tuple(r for r in (*self.looked_into, *baselines) if r.search is not None and r.search.diagnosis)

    @cached_property
    def failures(self) -> tuple[Record, ...]:
        return tuple(r for r in self.state.records.values() if r.search is not None and not r.ok)

    @property
    def came_to_nothing(self) -> str:
        """How many failed, and how many of them a person refused instead."""
        refused = sum(record.refused for record in self.failures)
        return f"{len(self.failures) - refused} failed" + (f", {refused} refused" if refused else "")

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """Search, finalists and final, as far as the run has come; an open end lasts until now."""
        ends = [
            ("search", ev.SearchEnded),
            ("finalists on fresh seeds", ev.ChampionChosen),
            ("the sealed test", ev.RunEnded),
        ]
        phases, since = [], 0.0
        for name, kind in ends:
            until = next((at for at, event in self.moments if isinstance(event, kind)), None)
            phases.append(Phase(name=name, seconds=max(0.0, (self.worked_s if until is None else until) - since)))
            if until is None:
                break
            since = until
        return tuple(phases)

    @cached_property
    def trainings(self) -> tuple[Phase, ...]:
        """Seconds of training that this run paid for, by what they went into."""
        spent = dict.fromkeys(PURPOSES, 0.0)
        for record in self.state.records.values():
            for trained in record.paid:
                spent[_purpose(record, trained)] += trained.usage.training_s
        return tuple(Phase(name=name, seconds=seconds) for name, seconds in spent.items() if seconds > 0)


def read_account(folder: RunFolder) -> Account:
    """Gather a run from its store. Raises RunError where it was never fully begun, StoreError."""
    at_work = folder.at_work  # before the events: a run that ends meanwhile is finished, not interrupted
    timed = tuple(folder.events.timed())
    if not timed or not isinstance(timed[0][1], ev.RunStarted):
        raise RunError(f"{folder.path} holds no run: it was never fully begun", fix="begin a new run")
    fold = Fold()
    for _, event in timed:
        fold.take(event)
    state, sittings = fold.snapshot(), folder.events.sittings()
    manifest = _manifest(folder)
    return Account(
        name=folder.path.resolve().name,
        path=str(folder.path),
        called=folder.called,
        at_work=at_work,
        objects=folder.objects,
        started=timed[0][1],
        began=datetime.fromtimestamp(timed[0][0], UTC),
        worked_s=folder.events.worked_s(),
        state=state,
        findings=weigh_hypotheses(folder, state),
        moments=tuple((_worked(sittings, moment), event) for moment, event in timed),
        rows=manifest.get("counts", {}),
        split_notes=tuple(manifest.get("notes", ())),
    )


def _manifest(folder: RunFolder) -> Mapping[str, Any]:
    """What the run wrote down of its split; a run that broke off early has none."""
    file = folder.path / "split.json"
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RunError(f"{file} is not JSON: {error}", fix="restore it from a copy, or remove it") from None
    return found


def _worked(sittings: Sequence[tuple[float, float]], moment: float) -> float:
    """Seconds of work until a moment: time between sittings does not count."""
    return sum(max(0.0, min(seen, moment) - began) for began, seen in sittings)


def _steps(state: State, moments: Sequence[tuple[float, ev.Event]]) -> Iterator[Step]:
    best, place = None, 0
    for worked_s, event in moments:
        if not isinstance(event, ev.Finished) or event.trained.stage is not Stage.SEARCH:
            continue
        record = state.records[event.trained.candidate]
        if record.is_baseline:
            continue
        place += 1
        found = state.value(record)
        worth = None if found is None else state.task.primary.worth(found)
        led = worth is not None and (best is None or worth > best)
        best = worth if led else best
        yield Step(record=record, place=place, worked_s=worked_s, value=found, led=led)


def _purpose(record: Record, trained: Trained) -> str:
    if record.is_baseline:
        return PURPOSES[0]
    if trained.stage is not Stage.SEARCH:
        return PURPOSES[3]
    return PURPOSES[1] if trained.ok else PURPOSES[2]
