"""How the trusted side gets hold of every process of a sandbox, so that a kill reaches all of them."""

import os
import select
import signal
import time
from collections.abc import Iterator
from typing import Protocol

from autorec.execution.watch import children, tree
from autorec.marks import LOOK_AGAIN_S, is_alive, kill_each, marked


class Hold(Protocol):
    """One for each sandbox, made from what was started: its pid, and a pidfd that the sandbox keeps.

    `gone` is asked before the started process is reaped, so that its number is not yet somebody else's.

    `kill` may come from any thread, at any time before `close`. `root` is the process from which all others are to be
    found, once it is taken.
    """

    @property
    def root(self) -> int: ...

    def take(self) -> bool:
        """Get hold of what was started, now that it says it is ready; False when nothing is there."""
        ...

    def kill(self) -> None:
        """Begin the end of every process."""
        ...

    def gone(self, within_s: float) -> bool:
        """Kill what outlived the started process, and whether every process is gone by then."""
        ...

    def close(self) -> None:
        """Give back what was taken."""
        ...


class PidNamespace:
    """When the first process of a PID namespace dies, the kernel kills all others. bubblewrap's child is that one."""

    def __init__(self, pid: int, handle: int) -> None:
        self.root = pid
        self._handle = handle
        self._first: int | None = None

    def take(self) -> bool:
        inside = children(self.root)
        self._first = os.pidfd_open(inside[0]) if inside else None
        return self._first is not None

    def kill(self) -> None:
        if self._first is not None:
            send(self._first, signal.SIGKILL)
        send(self._handle, signal.SIGKILL)

    def gone(self, within_s: float) -> bool:
        if self._first is None:
            return True
        send(self._first, signal.SIGKILL)
        return bool(select.select([self._first], [], [], within_s)[0])

    def close(self) -> None:
        if self._first is not None:
            os.close(self._first)
            self._first = None


class Swept:
    """Without a PID namespace: a keeper (`sandbox/keeper.py`) to whom every orphan comes, and who kills what is left
    when the runner ends or when it is told to by SIGTERM.

    The kill does not rest on the keeper alone: from here, its descendants are killed until a look finds none, and so
    is all that bears the sandbox's `mark`, whatever became of the keeper.
    """

    def __init__(self, mark: int, pid: int, handle: int) -> None:
        self.root = pid
        self._mark = mark
        self._handle = handle

    def take(self) -> bool:
        return True

    def kill(self) -> None:
        send(self._handle, signal.SIGCONT)
        send(self._handle, signal.SIGTERM)
        kill_each(self._below())

    def gone(self, within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while kill_each(self._inside()):
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_AGAIN_S)
        return True

    def close(self) -> None:
        """Nothing was taken."""

    def _below(self) -> Iterator[int]:
        """What descends from the keeper, as long as there is one."""
        return (pid for pid in list(tree(self.root)) if pid != self.root and is_alive(pid))

    def _inside(self) -> Iterator[int]:
        yield from self._below()
        yield from (pid for pid in marked(self._mark) if pid != self.root)


def send(handle: int, number: signal.Signals) -> None:
    """A signal through a pidfd; a process that is gone is no error."""
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return
