"""Where trainings that are done again part from those of a recording: figures, outcomes, survivors, the champion, and
what could be verified of it.
"""

from collections.abc import Hashable, Iterator

from autorec.domain.candidate import SHORT_ID
from autorec.domain.evaluation import Trained, value_of
from autorec.domain.events import ChampionChosen, Event, Evidence, FinalistsChosen, Finished, GenerationClosed, RunEnded
from autorec.domain.recording import Recording
from autorec.domain.state import State

DECIMALS = 4
"""Figures that are told with the same digits have not parted."""


class Partings:
    """Compares events as they come with those of a recording."""

    def __init__(self, recording: Recording) -> None:
        self._recorded = {key: event for event in recording.events if (key := _key(event)) is not None}
        self._come: set[Hashable] = set()
        self._compared = 0
        self._told: list[str] = []

    def look(self, event: Event, state: State) -> str | None:
        """What the event has different from its counterpart, in a sentence; None where it is the same."""
        key = _key(event)
        if key is None:
            return None
        self._compared += 1
        self._come.add(key)
        recorded = self._recorded.get(key)
        told = "; ".join(_differences(recorded, event, state)) or None
        if told:
            self._told.append(told)
        return told

    @property
    def summary(self) -> str:
        """How far all of them parted, once the run has ended: what the recording has besides did not come."""
        absent = [event for key, event in self._recorded.items() if key not in self._come]
        never = f"; {len(absent)} of the recording did not come, as {_kind(absent[0])}" if absent else ""
        if not self._told:
            most = f"{self._compared} trainings and choices are those of the recording"
            return f"retrained: {most}{never}" if absent else f"retrained: all {most}"
        return (
            f"retrained: {len(self._told)} of {self._compared} trainings and choices part from the recording{never}; "
            f"the first: {self._told[0]}"
        )


def _key(event: Event) -> Hashable | None:
    match event:
        case Finished(trained=trained):
            return trained.candidate, trained.stage
        case GenerationClosed(number=number):
            return "generation", number
        case FinalistsChosen() | ChampionChosen() | RunEnded():
            return type(event).__name__
    return None


def _differences(recorded: Event | None, event: Event, state: State) -> Iterator[str]:
    match recorded, event:
        case Finished(trained=old), Finished(trained=new):
            yield from _trainings(old, new, state)
        case GenerationClosed(survivors=old), GenerationClosed(survivors=new, number=number) if old != new:
            yield f"generation {number}: survivors were {_ids(old)}, are {_ids(new)}"
        case FinalistsChosen(candidates=old), FinalistsChosen(candidates=new) if old != new:
            yield f"finalists were {_ids(old)}, are {_ids(new)}"
        case ChampionChosen(candidate=old), ChampionChosen(candidate=new) if old != new:
            yield f"the champion was {_ids([old])}, is {_ids([new])}"
        case RunEnded(evidence=old), RunEnded(evidence=new) if _verdict(old) != _verdict(new):
            yield f"the evidence was {_verdict(old)}, is {_verdict(new)}"
        case None, _:
            yield f"{_said(event, state)}: not in the recording"


def _trainings(old: Trained, new: Trained, state: State) -> Iterator[str]:
    name = state.task.primary.name
    if old.outcome != new.outcome or old.ok != new.ok:
        yield f"{_name(new, state)}: {new.stage} was {old.outcome}, is {new.outcome}"
    elif old.n_units != new.n_units:
        yield f"{_name(new, state)}: {new.stage} was judged on {old.n_units} units, is on {new.n_units}"
    elif old.not_retrained != new.not_retrained:
        yield f"{_name(new, state)}: {new.stage} was judged {_how(old)}, is {_how(new)}"
    elif old.ok and _figure(old, name) != _figure(new, name):
        yield f"{_name(new, state)}: {name} in {new.stage} was {_figure(old, name)}, is {_figure(new, name)}"


def _figure(trained: Trained, name: str) -> str:
    return f"{value_of(trained, name):.{DECIMALS}f}"


def _how(trained: Trained) -> str:
    return "from a kept state" if trained.not_retrained else "after training for it"


def _verdict(evidence: Evidence | None) -> str:
    if evidence is None:
        return "none"
    return f"{'verified' if evidence.verified else 'not verified'} against {evidence.against}"


def _kind(event: Event) -> str:
    if isinstance(event, Finished):
        return f"{event.trained.stage} of {event.trained.candidate[:SHORT_ID]}"
    return type(event).__name__


def _said(event: Event, state: State) -> str:
    return _name(event.trained, state) if isinstance(event, Finished) else type(event).__name__


def _name(trained: Trained, state: State) -> str:
    record = state.records[trained.candidate]
    return record.name or f"#{record.number} {record.id[:SHORT_ID]}"


def _ids(candidates: object) -> str:
    names = [str(candidate)[:SHORT_ID] for candidate in candidates if candidate]  # type: ignore[attr-defined]
    return ", ".join(names) or "nobody"
