"""Warm spares: sandboxes that are started ahead, used for one job and thrown away.

A start costs more than a second of CPU, nearly all of it torch's import; taking a spare that is ready costs a
millisecond. One thread starts every sandbox, since a sandbox dies with the thread that started it, and greets those
that say they are ready.
"""

import os
import select
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from autorec.domain.errors import AutorecError, IsolationError
from autorec.domain.job import MEBIBYTE
from autorec.execution.ground import Ground, Tier
from autorec.execution.process import Sandbox
from autorec.execution.watch import memory_of, tree

READY_WITHIN_S = 120.0
ATTEMPTS = 2
FREE_BYTES = 1024 * MEBIBYTE
"""A spare is started ahead only while the machine has so much memory left."""
USUAL_START_S = 2.0
NEWEST_SHARE = 0.3


@dataclass(slots=True, kw_only=True, eq=False)
class Spare:
    """One start: under way, then either `sandbox` is ready or `error` says why it is not."""

    ground: Ground
    asked: float
    sandbox: Sandbox | None = None
    error: AutorecError | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def usable(self) -> bool:
        """Under way, or ready and alive."""
        return self.error is None and (self.sandbox is None or self.sandbox.alive)


class WarmPool:
    """At most `size` spares, each for the ground that it was started on. Safe to use from several threads."""

    def __init__(self, tier: Tier, *, size: int, ready_within_s: float = READY_WITHIN_S) -> None:
        self._tier = tier
        self._size = size
        self._ready_within_s = ready_within_s
        self._spares: list[Spare] = []
        self._asked: list[Spare] = []
        self._starting: list[Spare] = []
        self._lock = threading.Lock()
        self._closed = self._given_back = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.start_s = USUAL_START_S
        self._thread = threading.Thread(target=self._serve, name="sandbox-starter", daemon=True)
        self._thread.start()

    def take(self, ground: Ground) -> Sandbox:
        """A ready sandbox, the caller's from now on; starts one where no spare is left.

        Raises IsolationError when none can be started, AutorecError after `close`.
        """
        error: AutorecError = IsolationError("every spare sandbox died before it was used", fix="run autorec doctor")
        for _ in range(ATTEMPTS):
            spare = self._spare_for(ground) or self._ask(ground)
            spare.over.wait()
            if spare.error is None and spare.sandbox is not None and spare.sandbox.alive:
                return spare.sandbox
            error = spare.error or error
            if spare.sandbox is not None:
                spare.sandbox.close()
        raise error

    def expect(self, ground: Ground) -> None:
        """Say that a job on this ground is likely soon: a spare is started where there is room for it."""
        with self._lock:
            if self._closed or not self._size or available_bytes() < FREE_BYTES:
                return
            dropped = self._make_room(ground)
            if len(self._spares) < self._size:
                self._spares.append(self._asked_for(ground))
        for spare in dropped:
            _discard(spare)

    @property
    def n_ready(self) -> int:
        """How many spares are ready to be taken."""
        with self._lock:
            return sum(spare.over.is_set() and spare.usable for spare in self._spares)

    @property
    def spare_bytes(self) -> int:
        """What all spares hold together."""
        with self._lock:
            roots = [spare.sandbox.root for spare in self._spares if spare.sandbox is not None]
        return memory_of(tuple(pid for root in roots for pid in tree(root)))

    def close(self) -> None:
        """Kill every spare; whoever waits for one gets an error. Idempotent."""
        with self._lock:
            if self._given_back:
                return
            self._closed = self._given_back = True
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        for spare in self._spares:
            _discard(spare)
        os.close(self._wake)

    def _spare_for(self, ground: Ground) -> Spare | None:
        """The oldest usable spare of this ground, taken out; those that died are thrown away."""
        with self._lock:
            dead = [spare for spare in self._spares if not spare.usable]
            self._spares = [spare for spare in self._spares if spare.usable]
            found = next((spare for spare in self._spares if spare.ground == ground), None)
            if found is not None:
                self._spares.remove(found)
        for spare in dead:
            _discard(spare)
        return found

    def _make_room(self, ground: Ground) -> list[Spare]:
        """With no spare of this ground and all places taken, the oldest ready one of another ground goes."""
        if len(self._spares) < self._size or any(spare.ground == ground for spare in self._spares):
            return []
        oldest = next((spare for spare in self._spares if spare.over.is_set()), None)
        if oldest is None:
            return []
        self._spares.remove(oldest)
        return [oldest]

    def _ask(self, ground: Ground) -> Spare:
        with self._lock:
            if self._closed:
                raise pool_closed()
            return self._asked_for(ground)

    def _asked_for(self, ground: Ground) -> Spare:
        spare = Spare(ground=ground, asked=time.monotonic())
        self._asked.append(spare)
        os.eventfd_write(self._wake, 1)
        return spare

    def _serve(self) -> None:
        """The one thread that starts sandboxes, until the pool is closed; whoever waits for one is always answered."""
        try:
            while not self._closed:
                self._await_news()
                with self._lock:
                    asked, self._asked = self._asked, []
                self._starting += asked
                for spare in asked:
                    self._start(spare)
                for spare in list(self._starting):
                    self._greet(spare)
        finally:
            with self._lock:
                self._closed = True
                left, self._asked, self._starting = [*self._starting, *self._asked], [], []
            for spare in left:
                self._settle(spare, pool_closed())
                _discard(spare)

    def _await_news(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        for spare in self._starting:
            if spare.sandbox is not None:
                poll.register(spare.sandbox.control, select.POLLIN)
        poll.poll(self._patience_ms())
        self._drain()

    def _settle(self, spare: Spare, error: AutorecError | None = None) -> None:
        """Its start is over, one way or the other."""
        spare.error = error
        if spare in self._starting:
            self._starting.remove(spare)
        spare.over.set()

    def _patience_ms(self) -> float | None:
        if not self._starting:
            return None
        first = min(spare.asked for spare in self._starting)
        return max(0.0, 1e3 * (first + self._ready_within_s - time.monotonic()))

    def _drain(self) -> None:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            return

    def _start(self, spare: Spare) -> None:
        try:
            spare.sandbox = self._tier.start(spare.ground)
        except AutorecError as error:
            self._settle(spare, error)
        except OSError as error:
            self._settle(spare, cannot_start(error))

    def _greet(self, spare: Spare) -> None:
        sandbox = spare.sandbox
        waited_s = time.monotonic() - spare.asked
        if sandbox is None or not (sandbox.has_spoken or waited_s > self._ready_within_s):
            return
        try:
            sandbox.greet(self._ready_within_s)
        except (IsolationError, OSError) as error:
            spare.sandbox = None
            sandbox.close()
            self._settle(spare, error if isinstance(error, IsolationError) else cannot_start(error))
        else:
            self.start_s += NEWEST_SHARE * (waited_s - self.start_s)
            self._settle(spare)


def _discard(spare: Spare) -> None:
    if spare.sandbox is not None:
        spare.sandbox.close()


def pool_closed() -> AutorecError:
    return AutorecError("the executor is closed; its jobs were killed and have no outcome", fix="open another executor")


def cannot_start(error: OSError) -> IsolationError:
    return IsolationError(f"cannot start a sandbox: {error}", fix="see what this machine lacks: autorec doctor")


def available_bytes() -> int:
    """Memory that the machine can still give out; unlimited where it does not say."""
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 1 << 62
