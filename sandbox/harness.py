"""Runs one candidate: builds, trains and validates it on a schedule, or loads a kept state and answers.

    recommender = model.build(data, params)
    train.fit(recommender, data, params, run)     # calls run.checkpoint(recommender) whenever it has a usable model

`run.checkpoint` decides by itself whether a validation is due. It is due at times t_j = training_s * (j / n)^1.5,
denser early, where learning curves bend, and not before the training time is 20 times what all validations cost, the
next and the last one included: over a whole training, validating adds 5 percent at most. Time spent validating does not
count as training.
"""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import answers
import numpy as np
import reckit
import torch
from contract import ContractError, Stop, load_entry_point, load_params
from control import Control
from questions import Question, open_question

SCHEDULE_POWER = 1.5
TRAINING_PER_VALIDATING = 20.0
NEXT_AND_LAST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where a job finds what it needs, and leaves what it made."""

    candidate: Path
    output: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is the same for every job on the same folders, opened before there is one: memory maps, nothing read."""

    data: Any
    question: Question

    @classmethod
    def open(cls, data_dir: Path, query_dir: Path) -> "Given":
        data = reckit.open_data(data_dir)
        return cls(data=data, question=open_question(query_dir, data))


class Validator:
    """Writes predictions (and state) for the trusted side, and waits until they are copied."""

    def __init__(self, *, question: Question, folders: Folders, control: Control, seed: int, state_bytes: int) -> None:
        self._question = question
        self._folders = folders
        self._control = control
        self._seed = seed
        self._state_bytes = state_bytes
        self.count = 0

    def validate(self, recommender: Any, *, keep_state: bool = True) -> bool:
        """True when the training is asked to stop. Raises ContractError."""
        index = self.count
        answer_file = self._folders.output / f"{index}.answer.npy"
        state_file = self._folders.output / f"{index}.state.safetensors"
        self._control.send("predicting", index=index)
        generator = torch.Generator().manual_seed(self._seed + index)
        np.save(answer_file, self._question(recommender, generator))
        self._control.send("predicted", index=index)
        if keep_state:
            answers.save_state(recommender, state_file, self._state_bytes)
        self._control.send("checkpoint", index=index)
        self.count += 1
        stop = self._control.wait_for_ack(index)
        answer_file.unlink(missing_ok=True)
        state_file.unlink(missing_ok=True)
        return stop


class Run:
    """What `fit` is given: the clock, the seed, the device, a log, and `checkpoint`."""

    def __init__(
        self,
        *,
        validate: Callable[[Any], bool],
        training_s: float,
        validations: int,
        seed: int,
        device: str = "cpu",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.seed = seed
        self.device = torch.device(device)
        self._validate = validate
        self._training_s = training_s
        self._validations = validations
        self._clock = clock
        self._began = clock()
        self._paused_s = 0.0
        self._due_s = self._scheduled_after(0.0)
        self._done = 0
        self._latest: Any = None
        self._latest_is_validated = True
        self._stopping = False

    @property
    def seconds_left(self) -> float:
        """Seconds of training that remain, never below 0; validations do not use them up."""
        return max(0.0, self._training_s - self._elapsed_s)

    @property
    def _elapsed_s(self) -> float:
        return self._clock() - self._began - self._paused_s

    def log(self, **values: object) -> None:
        """Print one line of values, for the author to read; nothing in it becomes a metric."""
        shown = " ".join(f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}"
                         for name, value in values.items())  # fmt: skip
        print(f"[{self._elapsed_s:.1f} s] {shown}", flush=True)

    def checkpoint(self, recommender: Any) -> None:
        """Offer a usable model; the harness validates it when that is due, and ends `fit` when time is used up."""
        if self._stopping:
            raise Stop
        self._latest, self._latest_is_validated = recommender, False
        out_of_time = self.seconds_left <= 0
        if out_of_time or self._is_due():
            self._validate_now(recommender)
        if out_of_time or self._stopping:
            self._stopping = True
            raise Stop

    def finish(self, recommender: Any) -> None:
        """After `fit`: validate the last state, unless it has been or the training was asked to stop."""
        never_offered = self._latest is None
        if never_offered or not self._latest_is_validated:
            self._validate_now(recommender if never_offered else self._latest)

    def _is_due(self) -> bool:
        return self._elapsed_s >= self._due_s and self._done < self._validations - 1

    def _validate_now(self, recommender: Any) -> None:
        began = self._clock()
        self._stopping = self._validate(recommender) or self._stopping
        cost_s = self._clock() - began
        self._latest_is_validated = True
        self._done += 1
        self._paused_s += cost_s
        affordable_s = TRAINING_PER_VALIDATING * (self._paused_s + NEXT_AND_LAST * cost_s)
        self._due_s = max(self._scheduled_after(self._elapsed_s), affordable_s)

    def _scheduled_after(self, elapsed_s: float) -> float:
        """The first time of the schedule that is later than `elapsed_s`."""
        for step in range(1, self._validations + 1):
            due_s = self._training_s * (step / self._validations) ** SCHEDULE_POWER
            if due_s > elapsed_s:
                return due_s
        return self._training_s


def run_job(job: Mapping[str, Any], given: Given, *, state: bytes | None, control: Control, folders: Folders) -> None:
    """Train or predict, as the job says. Raises ContractError, and whatever the candidate raises."""
    seed_everything(job["seed"], job["device"])
    torch.set_num_threads(job["threads"])
    validator = Validator(
        question=given.question, folders=folders, control=control, seed=job["seed"], state_bytes=job["state_bytes"]
    )
    params = load_params(folders.candidate, job["params"])
    control.send("started")
    if job["kind"] == "train":
        _train(job, given.data, params, validator)
    else:
        _predict(given.data, params, validator, state)
    control.send("finished")


def _train(job: Mapping[str, Any], data: Any, params: Any, validator: Validator) -> None:
    run = Run(
        validate=validator.validate,
        training_s=job["training_s"],
        validations=job["validations"],
        seed=job["seed"],
        device=job["device"],
    )
    build, fit = load_entry_point("model"), load_entry_point("train")
    recommender = _built(build(data, params))
    with suppress(Stop):
        fit(recommender, data, params, run)
    run.finish(recommender)


def _predict(data: Any, params: Any, validator: Validator, state: bytes | None) -> None:
    if state is None:
        raise ContractError("a predict job needs the state of a trained recommender; none came")
    recommender = _built(load_entry_point("model")(data, params))
    answers.load_state(recommender, state)
    validator.validate(recommender, keep_state=False)


def _built(recommender: Any) -> Any:
    if recommender is None:
        raise ContractError("build(data, params) must return a recommender; it returned None")
    return recommender


def seed_everything(seed: int, device: str = "cpu") -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)
    if device != "cpu":  # takes milliseconds, for it keeps the stack of the call until there is an accelerator
        torch.manual_seed(seed)
