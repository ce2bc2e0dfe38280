"""Bounded, jittered retries inside a deadline. The SDKs' own retries are off: they would multiply."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_random_exponential

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
    """How long a call is pressed: tries in all, first and longest wait, and the longest silence in a try (seconds)."""

    attempts: int = 5
    first_s: float = 1.0
    longest_s: float = 30.0
    silence_s: float = 240.0


def press(
    attempt: Callable[[float], Answer], *, endpoint: Endpoint, retries: Retries, deadline_s: float, clock: Clock
) -> Answer:
    """Call `attempt(seconds left)` until it answers, the tries are used up or the deadline is near.

    A wait asked for by the server (Retry-After) is honoured, with a little more so that callers do not come back all
    at once; where it would pass the deadline, the call is given up.

    Raises NoAnswer, also when nobody listens at the address: a server that answered before may come back.
    """
    ends = clock.now() + deadline_s
    backoff = wait_random_exponential(multiplier=retries.first_s, max=retries.longest_s)

    def wait(state: RetryCallState) -> float:
        fault = _fault(state)
        asked_s = fault.retry_after_s if fault else 0.0
        return max(backoff(state), asked_s + random.uniform(0, retries.first_s) if asked_s else 0.0)

    def stop(state: RetryCallState) -> bool:
        return state.attempt_number >= retries.attempts or clock.now() + state.upcoming_sleep >= ends

    def give_up(state: RetryCallState) -> Answer:
        tries = state.attempt_number
        raise NoAnswer(f"{endpoint.model} gave no usable answer in {tries} tries; the last: {_fault(state)}")

    retrying = Retrying(
        retry=retry_if_exception_type(TransientError), wait=wait, stop=stop, retry_error_callback=give_up,
        sleep=clock.sleep, reraise=False,
    )  # fmt: skip
    return retrying(lambda: attempt(max(0.1, ends - clock.now())))


def _fault(state: RetryCallState) -> TransientError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, TransientError) else None
