"""The running record of a search: what is recorded is folded in at once, so the state never runs ahead of the store."""

from collections.abc import Callable

from autorec.domain.events import Event
from autorec.domain.fold import Fold
from autorec.domain.state import State
from autorec.ports import Events

Listener = Callable[[Event, State], None]


class Journal:
    """Events and their fold, kept in step. Not for use from several threads: the loop alone writes."""

    def __init__(self, events: Events, listeners: tuple[Listener, ...] = ()) -> None:
        self._events = events
        self._listeners = listeners
        self._fold = Fold()
        for event in events.read():
            self._fold.take(event)
        self._state: State | None = None
        self._latest: State | None = None

    @property
    def empty(self) -> bool:
        return self._fold.seq == 0

    @property
    def state(self) -> State:
        """The run now; the same object until the next event."""
        if self._state is None:
            self._state = self._latest = self._fold.snapshot()
        return self._state

    @property
    def latest(self) -> State | None:
        """The run as the loop last looked at it, None before; unlike `state`, for any thread to read."""
        return self._latest

    def record(self, event: Event) -> int:
        """Store the event, fold it in, tell the listeners; returns its sequence number."""
        seq = self._events.append(event)
        self._fold.take(event)
        self._state = None
        for listen in self._listeners:
            listen(event, self.state)
        return seq

    def at(self, seq: int) -> State:
        """The run as it was after event number `seq`."""
        if seq == self._fold.seq:
            return self.state
        fold = Fold()
        for event in self._events.read(upto=seq):
            fold.take(event)
        return fold.snapshot()
