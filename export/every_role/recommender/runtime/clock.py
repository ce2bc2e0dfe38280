"""What `fit` is given: the clock, the seed, a log, and `checkpoint`, which keeps the best state."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

VALIDATIONS = 20
SCHEDULE_POWER = 1.5
TRAINING_PER_VALIDATING = 20.0


class Stop(BaseException):
    """Ends `fit` from inside `checkpoint`. Not an Exception, so that a training loop lets it pass."""


class Run:
    """A training of `seconds`, validated at times (j / 20) ** 1.5 of it, or less often where validating is slow.

    `validate` gives a value, higher is better; the state of the best one is kept in `best`, and after `patience`
    validations without a gain the training ends. Seconds spent validating do not count.
    """

    def __init__(
        self,
        *,
        validate: Callable[[Any], float],
        seconds: float,
        seed: int,
        device: str = "cpu",
        patience: int = 5,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.seed = seed
        self.device = torch.device(device)
        self.best: dict[str, Tensor] = {}
        self.best_value = float("-inf")
        self._validate = validate
        self._seconds = seconds
        self._patience = patience
        self._clock = clock
        self._began = clock()
        self._paused_s = 0.0
        self._due_s = self._next_on_schedule(0.0)
        self._stale = 0
        self._unseen: Any = None

    @property
    def seconds_left(self) -> float:
        """Seconds of training that remain, never below 0."""
        return max(0.0, self._seconds - self._elapsed_s)

    @property
    def _elapsed_s(self) -> float:
        return self._clock() - self._began - self._paused_s

    def log(self, **values: object) -> None:
        shown = (f"{name}={v:.6g}" if isinstance(v, float) else f"{name}={v}" for name, v in values.items())
        print(f"[{self._elapsed_s:.1f} s] {' '.join(shown)}", flush=True)

    def checkpoint(self, recommender: Any) -> None:
        """Offer a usable model: it is validated when that is due, and the training ends when its time is used up."""
        self._unseen = recommender
        out_of_time = self.seconds_left <= 0
        if out_of_time or self._elapsed_s >= self._due_s:
            self._look_at(recommender)
        if out_of_time or self._stale >= self._patience:
            raise Stop

    def finish(self, recommender: Any) -> None:
        """After `fit`: look at the last state, unless that has been done."""
        if self._unseen is not None or not self.best:
            self._look_at(recommender if self._unseen is None else self._unseen)

    def _look_at(self, recommender: Any) -> None:
        began = self._clock()
        value = self._validate(recommender)
        better = value > self.best_value
        if better:
            self.best_value = value
            self.best = {name: v.detach().cpu().clone() for name, v in recommender.state_dict().items()}
        self._stale = 0 if better else self._stale + 1
        self._unseen = None
        cost_s = self._clock() - began
        self._paused_s += cost_s
        affordable_s = TRAINING_PER_VALIDATING * (self._paused_s + 2 * cost_s)
        self._due_s = max(self._next_on_schedule(self._elapsed_s), affordable_s)
        self.log(validation=value, best=self.best_value)

    def _next_on_schedule(self, elapsed_s: float) -> float:
        times = (self._seconds * (step / VALIDATIONS) ** SCHEDULE_POWER for step in range(1, VALIDATIONS + 1))
        return next((due_s for due_s in times if due_s > elapsed_s), self._seconds)
