"""A clock on which waiting takes no time."""

import time

from autorec.llm.retries import Clock


class FakeClock:
    """Goes with the real clock, and jumps over what is slept; `slept` holds each wait in seconds."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: time.monotonic() + sum(self.slept), sleep=self.slept.append)
