"""The objects of a run at work, from which weights are removed as soon as nothing can need them any more."""

from collections import Counter
from threading import Lock
from typing import Protocol

from autorec.domain import events as ev
from autorec.domain.retention import spare_weights
from autorec.domain.state import State
from autorec.ports import Objects


class Shelved(Objects, Protocol):
    """Objects that can be removed."""

    def remove(self, digest: str) -> None:
        """Forget the content, if it is there. Raises StoreError."""
        ...


class Shelf:
    """Implements `ports.Objects` for who trains; `listen` is a `journal.Listener`. With `keep_all` nothing is removed.

    Two trainings may end in the same bytes, so what was put and is in no event yet stays, though an equal state that
    is recorded could go. Safe to call from several threads.
    """

    def __init__(self, objects: Shelved, *, keep_all: bool = False) -> None:
        self._objects = objects
        self._keep_all = keep_all
        self._unrecorded: Counter[str] = Counter()
        self._lock = Lock()

    def put(self, content: bytes) -> str:
        """See `ports.Objects`."""
        with self._lock:
            digest = self._objects.put(content)
            self._unrecorded[digest] += 1
        return digest

    def get(self, digest: str) -> bytes:
        """See `ports.Objects`."""
        return self._objects.get(digest)

    def listen(self, event: ev.Event, state: State) -> None:
        """Note what is recorded; clear up where a generation closes and where the run ends."""
        if isinstance(event, ev.Finished) and event.trained.state is not None:
            with self._lock:
                self._unrecorded[event.trained.state] = max(0, self._unrecorded[event.trained.state] - 1)
        if isinstance(event, ev.GenerationClosed | ev.RunEnded):
            self.clear(state)

    def clear(self, state: State) -> None:
        """Remove what the state can spare; done again after a kill, it removes what that left. Raises StoreError."""
        if self._keep_all:
            return
        for digest in spare_weights(state):
            with self._lock:
                if not self._unrecorded[digest]:
                    self._objects.remove(digest)
