"""Calls side by side in daemon threads: trainings block on sandboxes, proposals on language models."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

from autorec.ports import Crew


class ThreadCrew:
    """Implements `ports.Crew`. The caller bounds how much it submits; results come in the order of ending.

    Threads are daemons: leaving the process never waits for a language model.
    """

    def __init__(self) -> None:
        self._landed: queue.SimpleQueue[tuple[Hashable, Any, BaseException | None]] = queue.SimpleQueue()

    def submit(self, key: Hashable, call: Callable[[], Any]) -> None:
        """Begin the call in a thread of its own."""
        threading.Thread(target=self._carry_out, args=(key, call), name=str(key), daemon=True).start()

    def next(self, timeout_s: float | None = None) -> tuple[Hashable, Any] | None:
        """The next call to end; None after `timeout_s`. Raises what the call raised."""
        try:
            key, result, error = self._landed.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if error is not None:
            raise error
        return key, result

    def _carry_out(self, key: Hashable, call: Callable[[], Any]) -> None:
        try:
            self._landed.put((key, call(), None))
        except BaseException as error:  # carried to the thread that asks for the result
            self._landed.put((key, None, error))


class AtMost:
    """`ports.Crew` that lets so many calls of another run side by side; the others begin as those end."""

    def __init__(self, crew: Crew, at_once: int) -> None:
        self._crew = crew
        self._free = at_once
        self._waiting: deque[tuple[Hashable, Callable[[], Any]]] = deque()

    def submit(self, key: Hashable, call: Callable[[], Any]) -> None:
        """Begin the call, or keep it until its turn comes."""
        self._waiting.append((key, call))
        self._begin()

    def next(self, timeout_s: float | None = None) -> tuple[Hashable, Any] | None:
        """See `ports.Crew`."""
        landed = self._crew.next(timeout_s)
        if landed is not None:
            self._free += 1
            self._begin()
        return landed

    def _begin(self) -> None:
        while self._waiting and self._free:
            self._free -= 1
            self._crew.submit(*self._waiting.popleft())
