"""A batch of calls, so many at a time."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

from autorec.ports import Crew


def carry_out(
    crew: Crew, calls: Iterable[tuple[Hashable, Callable[[], Any]]], *, at_once: int
) -> Iterator[tuple[Hashable, Any]]:
    """Key and result of each call, in the order of ending. A call is taken from `calls` only when it can begin.

    The crew must have nothing else to do. Raises what a call raises.
    """
    waiting = iter(calls)
    under_way = 0
    while True:
        while under_way < at_once and (call := next(waiting, None)):
            crew.submit(*call)
            under_way += 1
        if not under_way:
            return
        if landed := crew.next(timeout_s=1.0):
            under_way -= 1
            yield landed
