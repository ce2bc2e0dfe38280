"""Jobs, what they may use, and how they end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autorec.domain.candidate import Candidate

MEBIBYTE = 1 << 20
CPU_SLACK_S = 60.0
NO_ISOLATION = "none"
"""The tier of what ran with the rights of whoever searches: it could read the labels, so nobody believes it."""


class Part(StrEnum):
    """The four parts of a data set; the last three are the nested holdouts."""

    TRAIN = "train"
    SELECT = "select"
    CONFIRM = "confirm"
    TEST = "test"


class Stage(StrEnum):
    """When in a run a candidate is trained; each stage fixes what is seen and what is judged."""

    SEARCH = "search"
    FINALIST = "finalist"
    FINAL = "final"

    @property
    def trained_on(self) -> tuple[Part, ...]:
        return (Part.TRAIN, Part.SELECT) if self is Stage.FINAL else (Part.TRAIN,)

    @property
    def checkpoint_part(self) -> Part:
        """The part whose labels choose the best checkpoint, with `trained_on` as history."""
        return Part.CONFIRM if self is Stage.FINAL else Part.SELECT

    @property
    def judged_on(self) -> Part:
        return {Stage.SEARCH: Part.SELECT, Stage.FINALIST: Part.CONFIRM, Stage.FINAL: Part.TEST}[self]


HISTORY_OF: Mapping[Part, tuple[Part, ...]] = {
    Part.SELECT: (Part.TRAIN,),
    Part.CONFIRM: (Part.TRAIN, Part.SELECT),
    Part.TEST: (Part.TRAIN, Part.SELECT, Part.CONFIRM),
}
"""What is known when predictions for a part are made."""


class JobKind(StrEnum):
    """Training, and predicting from a kept state, are two kinds of job."""

    TRAIN = "train"
    PREDICT = "predict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may use. `training_s` is the budget that the candidate sees; `wall_s` is when it is killed,
    `cpu_s` what its processes may use of all cores together (None: `threads` for each second of wall clock, and more).

    A training is judged at most `validations` times. Predicting for them is not training, up to `predicting_s` in
    all; what goes beyond runs on the training clock. `state_bytes` is the most that the tensors of a kept state may
    take, `answer_bytes` the most that one file of predictions may hold, `disk_bytes` the room for all files of a job.
    Of what it prints `output_bytes` are kept; beyond `printed_bytes` it is killed.
    """

    training_s: float = 60.0
    predicting_s: float = 30.0
    validations: int = 20
    wall_s: float = 120.0
    cpu_s: float | None = None
    memory_bytes: int = 4096 * MEBIBYTE
    state_bytes: int = 256 * MEBIBYTE
    answer_bytes: int = 64 * MEBIBYTE
    disk_bytes: int = 512 * MEBIBYTE
    inodes: int = 4096
    processes: int = 256
    open_files: int = 256
    output_bytes: int = 1 * MEBIBYTE
    printed_bytes: int = 64 * MEBIBYTE
    threads: int = 1
    grace_s: float = 5.0

    @property
    def most_cpu_s(self) -> float:
        """CPU seconds after which a job is killed."""
        return self.wall_s * self.threads + CPU_SLACK_S if self.cpu_s is None else self.cpu_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training, or one prediction from a kept state, in a sandbox of its own.

    `data_dir` and `query_dir` are bundle folders (see `schemas/wire.py`), mounted read-only.
    """

    kind: JobKind
    candidate: Candidate
    data_dir: str
    query_dir: str
    seed: int
    limits: Limits
    params: Mapping[str, Any] = field(default_factory=dict)
    state: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a job handed over at a checkpoint: bytes, copied once, not yet believed.

    `training_s` and `predict_s` are seconds measured from outside the sandbox.
    """

    index: int
    training_s: float
    predict_s: float
    predictions: bytes
    state: bytes | None


class OutcomeKind(StrEnum):
    """The ways a job can end."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    MALFORMED = "malformed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a job used, measured from outside: seconds, bytes (peak of the whole tree)."""

    wall_s: float = 0.0
    training_s: float = 0.0
    cpu_s: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended, for the candidate's author to read. No outcome carries a score.

    `log` is what the candidate printed (tail, untrusted text); `tier` the isolation it ran under.
    """

    kind: OutcomeKind
    reason: str
    usage: Usage
    tier: str
    log: str = ""
