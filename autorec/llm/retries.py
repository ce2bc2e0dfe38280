"""Bounded, jittered retries inside a deadline. The SDKs' own retries are off: they would multiply."""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from autorec.llm.client import NoAnswer
from autorec.llm.endpoint import Endpoint

Answer = TypeVar("Answer")


class TransientError(Exception):
    """Worth another try; `retry_after_s` is the wait that the server asked for, `dead` that nobody listens."""

    def __init__(self, reason: str, *, retry_after_s: float = 0.0, dead: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.dead = dead


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Monotonic seconds, and a way to let them pass: an argument, so that a test need not wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How long a call is pressed: tries in all, first and longest wait, the longest silence in a try, and the longest
    call, whatever deadline it is given (seconds).
    """

    attempts: int = 5
    first_s: float = 1.0
    longest_s: float = 30.0
    silence_s: float = 240.0
    call_s: float = math.inf


def press(
    attempt: Callable[[float], Answer], *, endpoint: Endpoint, retries: Retries, deadline_s: float, clock: Clock
) -> Answer:
    """Call `attempt(seconds left)` until it answers, the tries are used up or the deadline is near.

    A wait asked for by the server (Retry-After) is honoured; where it would pass the deadline, the call is given up.

    Raises NoAnswer, also when nobody listens at the address: a server that answered before may come back.
    """
    ends = clock.now() + deadline_s
    for tries in count(1):
        try:
            return attempt(max(0.1, ends - clock.now()))
        except TransientError as fault:
            wait_s = _wait_s(tries, fault.retry_after_s, retries)
            if tries >= retries.attempts or clock.now() + wait_s >= ends:
                said = f"{endpoint.model} gave no usable answer in {tries} tries; the last: {fault}"
                raise NoAnswer(said) from None
        clock.sleep(wait_s)
    raise AssertionError  # count() has no end


def _wait_s(tries: int, asked_s: float, retries: Retries) -> float:
    """Exponential backoff with full jitter (AWS, "Exponential backoff and jitter", 2015).

    What the server asks for is waited for, and a little more, so that callers do not come back all at once.
    """
    backoff = random.uniform(0, min(retries.longest_s, retries.first_s * 2 ** (tries - 1)))
    return max(backoff, asked_s + random.uniform(0, retries.first_s) if asked_s else 0.0)
