"""A search from its recording: the same loop, among ports that give what was given then, in the order of then.

The events of a run say all that came to it from outside, so the next event of the recording is the only clock: which
answer or training ends next, what a person tells, whether time is up. Language models are asked as ever, of a client
that has the recorded replies; what other proposers wrote, and what became of each training, is taken as it was. Each
event must be the recorded one.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from math import isclose
from typing import Any

from autorec.domain.candidate import Candidate, Declined, Plan, Proposal
from autorec.domain.commands import Letter
from autorec.domain.control import Control
from autorec.domain.errors import ReplayError
from autorec.domain.evaluation import Trained
from autorec.domain.events import (
    Admitted,
    Asked,
    Checked,
    Event,
    Finished,
    GenerationClosed,
    Reflected,
    Rejected,
    RunStarted,
    SearchEnded,
    Started,
    TestOpened,
    Told,
    TriedAgain,
)
from autorec.domain.lesson import Lessons
from autorec.domain.recording import Recording
from autorec.domain.schedule import Final
from autorec.domain.state import State
from autorec.journal import Journal, Listener
from autorec.ports import Crew, Events, Objects, Proposer
from autorec.search import KNOWN, LATE, NEVER_CAME, OUT_OF_TIME

CLOSE = 1e-9
"""So much may figures that are computed anew differ, relatively: another processor adds in another order."""
OTHER = "what the search is made of has changed: prompts, flags or autorec itself; replay it with those of then"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """A recording, at the place where the journal of the replay stands. `objects` holds what its events name."""

    recording: Recording
    objects: Objects
    journal: Journal

    @property
    def rest(self) -> Iterator[Event]:
        """The events that follow."""
        events = self.recording.events
        return (events[place] for place in range(self.journal.state.seq, len(events)))

    @property
    def next(self) -> Event | None:
        """The event that follows; None at the end."""
        return next(self.rest, None)

    def too_late(self) -> bool:
        """Whether nothing new could begin at this place. While something trains, what follows says so by itself."""
        if isinstance(self.next, Started | Asked):
            return False
        return bool(self.journal.state.training) or self._time_ends_it()

    def out_of_time(self) -> bool:
        """The same; or time was so short that another than the first that was ready began."""
        following, ready = self.next, self.journal.state.ready
        if isinstance(following, Started) and ready:
            return following.candidate != ready[0]
        return self.too_late()

    def choose(self, waiting: Sequence[Final], time_s: float, free_in: Sequence[float]) -> tuple[Final, bool]:
        """A `finals.Choose`: the one that began then; where none did, one for which there was no time."""
        following = self.next
        begun = following.candidate if isinstance(following, Started) else None
        chosen = next((each for each in waiting if each.candidate == begun), None)
        return (chosen, True) if chosen else (min(waiting, key=lambda each: each.urgent), False)

    def opened(self) -> int:
        """How often the test had been opened; nothing is opened now."""
        opened: TestOpened = self._expect(TestOpened)
        return opened.count

    def control(self, predictions: str, candidate: str) -> Control:
        """What became of the champion's answers against labels drawn at random."""
        checked: Checked = self._expect(Checked)
        return checked.controls[0]

    def answer(self, event: Admitted | Reflected | Rejected) -> Proposal | Lessons | Declined:
        """The answer that was given then."""
        calls = self.recording.calls(event)
        if isinstance(event, Reflected):
            return Lessons(notes=event.notes, exchanges=calls)
        if isinstance(event, Admitted):
            return Proposal(
                files=self._files(event.candidate),
                hypothesis=event.hypothesis,
                predicted_effect=event.predicted_effect,
                exchanges=calls,
            )
        return Declined(
            reason=event.reason,
            lasting=event.lasting,
            duplicate_of=event.duplicate_of,
            exchanges=calls[:-1] if event.unanswered else calls,
            unanswered=calls[-1] if event.unanswered else None,
        )

    def _time_ends_it(self) -> bool:
        """Whether nothing but late answers lies between here and an end for want of time.

        A run that was killed while it ended, and taken up again, may have heard something in the middle of its end.
        """
        for event in self.rest:
            match event:
                case SearchEnded(reason=reason):
                    return reason == OUT_OF_TIME
                case GenerationClosed() | Told() | TriedAgain():
                    continue
                case Rejected(reason=reason) if reason != KNOWN:
                    continue
            return False
        return False

    def _files(self, candidate: str) -> dict[str, str]:
        return dict(Candidate.from_bytes(self.objects.get(candidate)).files)

    def _expect(self, kind: type[Any]) -> Any:
        following = self.next
        if not isinstance(following, kind):
            raise parted(self.journal.state.seq + 1, f"{_said(following)} then, {kind.__name__} now")
        return following


@dataclass(frozen=True, slots=True, kw_only=True)
class TapedInbox:
    """`ports.Inbox`: each letter is heard at the place where it was heard then.

    That a run was taken up again in another process is no letter, but it comes from outside as well.
    """

    tape: Tape

    def after(self, number: int) -> tuple[Letter, ...]:
        """See `ports.Inbox`."""
        while isinstance(following := self.tape.next, TriedAgain):
            self.tape.journal.record(following)
        told = takewhile(lambda event: isinstance(event, Told), self.tape.rest)
        return tuple(Letter(number=event.number, command=event.command) for event in told if isinstance(event, Told))


@dataclass(frozen=True, slots=True, kw_only=True)
class TapedProposer:
    """`ports.Proposer`: `asked` plans and writes for language models as ever; where it is None, all is as it was."""

    tape: Tape
    asked: Proposer | None

    def plan(self, state: State, seed: int) -> Plan | None:
        """What was planned at this place; a language model's plan is made anew."""
        following = self.tape.next
        if not isinstance(following, Asked):
            return None
        if self.asked is not None and following.plan.model is not None:
            return self.asked.plan(state, seed)
        return following.plan

    def propose(self, plan: Plan, state: State) -> Proposal | Lessons | Declined:
        """Called by the crew when this answer is the next event."""
        if self.asked is not None and plan.model is not None:
            return self.asked.propose(plan, state)
        following = self.tape.next
        if not isinstance(following, Admitted | Reflected | Rejected):
            raise parted(self.tape.journal.state.seq + 1, f"{_said(following)} then, an answer now")
        return self.tape.answer(following)


@dataclass(slots=True, kw_only=True)
class TapedCrew:
    """`ports.Crew`: what ends next is what ended next then. Nothing runs side by side but what `trains` carries out.

    Without `trains` nothing is trained: each training ends as it ended then. With it, finals are new, and what is
    still open after the search is never answered: the place in the recording says nothing any more.
    """

    tape: Tape
    trains: Crew | None = None
    _waiting: dict[Hashable, Callable[[], Any]] = field(default_factory=dict)
    _landed: dict[Hashable, Any] = field(default_factory=dict)

    def submit(self, key: Hashable, call: Callable[[], Any]) -> None:
        """Keep an ask until its answer is due; a training begins at once, where any is carried out."""
        if self.trains is not None and not _is_ask(key):
            self.trains.submit(key, call)
        self._waiting[key] = call

    def next(self, timeout_s: float | None = None) -> tuple[Hashable, Any] | None:
        """What the recording says comes next; None where nothing came.

        Raises ReplayError where the search waits for something and nothing came then.
        """
        if self.trains is not None and self.tape.journal.state.search_ended is not None:
            return None
        match self.tape.next:
            case Rejected(reason=reason) if reason == NEVER_CAME:
                return None
            case Rejected(ask=number, reason=reason) if reason == LATE:
                answer = self._take(("ask", number))()
                return ("ask", number), Declined(reason=LATE, exchanges=answer.exchanges)
            case Admitted(ask=int(number)) | Reflected(ask=number) | Rejected(ask=number):
                return ("ask", number), self._take(("ask", number))()
            case Finished(trained=trained):
                key = next((key for key in self._waiting if _trains(key, trained)), None)
                return key, self._ended(key, trained)
            case following if timeout_s:
                raise parted(self.tape.journal.state.seq + 1, f"{_said(following)} then, waiting now")
        return None

    def _take(self, key: Hashable) -> Callable[[], Any]:
        if key not in self._waiting:
            raise parted(self.tape.journal.state.seq + 1, f"{_said(self.tape.next)} then, and not under way now")
        return self._waiting.pop(key)

    def _ended(self, key: Hashable, trained: Any) -> Any:
        self._take(key)
        if self.trains is None:
            return trained
        while key not in self._landed:
            if landed := self.trains.next(timeout_s=1.0):
                self._landed[landed[0]] = landed[1]
        return self._landed.pop(key)


class Followed:
    """`ports.Events` that takes only the events of the recording, in their order; `RunStarted` may differ."""

    def __init__(self, events: Events, recording: Recording) -> None:
        self._events = events
        self._recording = recording
        self._seq = sum(1 for _ in events.read())

    def append(self, event: Event) -> int:
        """Record what was recorded then. Raises ReplayError for anything else, and records nothing."""
        recorded = self._recording.events[self._seq] if self._seq < len(self._recording.events) else None
        if not isinstance(event, RunStarted) and (difference := _difference(recorded, event)):
            raise parted(self._seq + 1, difference)
        self._seq = self._events.append(event)
        return self._seq

    def read(self, upto: int | None = None) -> Iterator[Event]:
        """See `ports.Events`."""
        return self._events.read(upto)


class TapedJournal(Journal):
    """A journal that holds to a recording, and takes down after each event what came from outside then.

    That may be in the middle of an end, where a run that goes on without a break hears nothing.
    """

    def __init__(self, events: Events, recording: Recording, listeners: tuple[Listener, ...] = ()) -> None:
        super().__init__(Followed(events, recording), listeners)
        self._recording = recording

    def record(self, event: Event) -> int:
        """See `Journal.record`. Raises ReplayError for what was not recorded."""
        seq = super().record(event)
        for following in self._recording.events[seq : seq + 1]:
            if isinstance(following, Told | TriedAgain):
                self.record(following)
        return seq


def parted(seq: int, how: str) -> ReplayError:
    """The replay does something else than the run did."""
    return ReplayError(f"the replay parts from its recording at event {seq}: {how}", fix=OTHER)


def _is_ask(key: Any) -> bool:
    return bool(key[0] == "ask")


def _trains(key: Any, trained: Trained) -> bool:
    return not _is_ask(key) and bool(key[1] == trained.candidate)


def _said(event: Event | None) -> str:
    return "the end" if event is None else type(event).__name__


def _difference(recorded: Event | None, event: Event) -> str | None:
    if recorded is None or type(recorded) is not type(event):
        return f"{_said(recorded)} then, {_said(event)} now"
    found = _first_difference(asdict(recorded), asdict(event), type(event).__name__)
    return found and f"{found[0]} was {_short(found[1])} then, is {_short(found[2])} now"


def _first_difference(a: Any, b: Any, path: str) -> tuple[str, Any, Any] | None:
    """Where two values differ, and the two there; floats that are close are equal."""
    if isinstance(a, Mapping) and isinstance(b, Mapping) and set(a) == set(b):
        pairs = ((a[key], b[key], f"{path}.{key}") for key in a)
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        pairs = ((*pair, f"{path}[{i}]") for i, pair in enumerate(zip(a, b, strict=True)))
    elif isinstance(a, float) and isinstance(b, float) and isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE):
        return None
    else:
        return None if a == b else (path, a, b)
    return next(filter(None, (_first_difference(*pair) for pair in pairs)), None)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:120] + " ..."
