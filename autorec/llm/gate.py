"""How many requests one model gets: so many at a time, and so many a minute."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from autorec.llm.retries import Clock, TransientError

MINUTE_S = 60.0


@dataclass(slots=True, kw_only=True)
class Gate:
    """Thread-safe; None means no limit. Every request passes, those of a retry too.

    `a_minute` holds over any sixty seconds: a request waits until the one that stands so many before it is a minute
    old.
    """

    at_once: int | None = None
    a_minute: int | None = None
    clock: Clock = field(default_factory=Clock)
    _places: threading.Semaphore | None = field(init=False, repr=False)
    _begun: deque[float] = field(default_factory=deque, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._places = None if self.at_once is None else threading.Semaphore(self.at_once)

    @contextmanager
    def passing(self, within_s: float) -> Iterator[None]:
        """Hold a place while the block runs.

        Raises TransientError where none comes free within so many seconds.
        """
        began = self.clock.now()
        if self._places is not None and not self._places.acquire(timeout=within_s):
            raise TransientError(f"all {self.at_once} places for requests at a time were taken")
        try:
            self._wait_turn(within_s - (self.clock.now() - began))
            yield
        finally:
            if self._places is not None:
                self._places.release()

    def _wait_turn(self, within_s: float) -> None:
        """Book the next moment at which a request may begin, and wait for it."""
        if self.a_minute is None:
            return
        with self._lock:
            now = self.clock.now()
            full = len(self._begun) >= self.a_minute
            turn = max(now, self._begun[-self.a_minute] + MINUTE_S) if full else now
            if turn - now > within_s:
                raise TransientError(f"{self.a_minute} requests a minute are used up")
            self._begun.append(turn)
            while len(self._begun) > self.a_minute:
                self._begun.popleft()
        if turn > now:
            self.clock.sleep(turn - now)
