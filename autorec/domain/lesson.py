"""Lessons: sentences that a search was taught, with the candidates that hold for them and against them.

A candidate that failed is evidence like one that won. What earlier runs say of a lesson stands beside what this one
does, run by run, so that nothing is counted twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from autorec.domain.candidate import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one run says of a lesson: how many of its candidates support and contradict it.

    `run_id` is a name that no other run has.
    """

    run: str
    run_id: str
    data: str
    data_digest: str
    date: str
    version: str
    support: int = 0
    contradiction: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One sentence, what it is about, and what stands for and against it.

    `supports` and `contradicts` are candidates of this run, each once; `earlier` is what other runs say. `model` wrote
    it, "" where a person did. `remembered`: it was known before this run.
    """

    sentence: str
    tags: tuple[str, ...] = ()
    supports: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()
    model: str = ""
    earlier: tuple[Tally, ...] = ()
    remembered: bool = False

    @property
    def held(self) -> int:
        """How many candidates of all runs support it."""
        return len(self.supports) + sum(tally.support for tally in self.earlier)

    @property
    def failed(self) -> int:
        """How many candidates of all runs contradict it."""
        return len(self.contradicts) + sum(tally.contradiction for tally in self.earlier)

    @property
    def weight(self) -> float:
        """The share of its evidence that supports it, as if one had done so and one not besides; 0 to 1."""
        return (self.held + 1) / (self.held + self.failed + 2)

    def elsewhere(self, data_digest: str) -> bool:
        """Whether all that is known of it is known of other data."""
        here = bool(self.supports or self.contradicts) or any(t.data_digest == data_digest for t in self.earlier)
        return bool(self.earlier) and not here


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a reflection says of one lesson: a new `sentence`, or a `known` one by its number, from 1."""

    supported: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()
    sentence: str | None = None
    tags: tuple[str, ...] = ()
    known: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What a proposer answers to a plan that asks for no candidate: what was learned, which may be nothing."""

    notes: tuple[Note, ...]
    exchanges: tuple[Exchange, ...] = ()


def key_of(sentence: str) -> str:
    """What two ways of writing one sentence have in common: lesson and lesson are one where this is the same."""
    return " ".join(sentence.casefold().split()).rstrip(".!")


def learn(lessons: Iterable[Lesson], notes: Iterable[Note], model: str) -> tuple[Lesson, ...]:
    """The lessons with what `model` noted; numbers stay as they are, and a sentence that is known is no new one."""
    learned = list(lessons)
    places = {key_of(lesson.sentence): place for place, lesson in enumerate(learned)}
    for note in notes:
        place = note.known - 1 if note.known is not None else places.get(key_of(note.sentence or ""))
        if place is None:
            places[key_of(note.sentence or "")] = place = len(learned)
            learned.append(Lesson(sentence=note.sentence or "", tags=note.tags, model=model))
        learned[place] = _weighed(learned[place], note)
    return tuple(learned)


def _weighed(lesson: Lesson, note: Note) -> Lesson:
    """With what the note adds; a candidate speaks on one side, that of the last who looked."""
    for_it = dict.fromkeys((*(c for c in lesson.supports if c not in note.contradicted), *note.supported))
    against = dict.fromkeys((*(c for c in lesson.contradicts if c not in note.supported), *note.contradicted))
    return replace(lesson, supports=tuple(for_it), contradicts=tuple(against))
