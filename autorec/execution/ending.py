"""How a job ended: from what was seen outside to an outcome and a reason for the candidate's author."""

from dataclasses import dataclass
from enum import StrEnum

from autorec.domain.job import MEBIBYTE, JobKind, Limits, OutcomeKind
from autorec.execution.log import last_lines
from autorec.schemas.wire import CONTRACT_EXIT

SIGNAL_EXIT = 128
SIGKILL, SIGXCPU, SIGXFSZ = 9, 24, 25
TRACEBACK_LINES = 12
MEMORY_ERRORS = ("MemoryError", "can't allocate memory", "std::bad_alloc", "Cannot allocate memory")


class Cause(StrEnum):
    """Why the trusted side killed a sandbox; the first cause counts."""

    MEMORY = "memory"
    DISK = "disk"
    WALL = "wall"
    CPU = "cpu"
    OUTPUT = "output"
    TRAINING = "training"
    STOP = "stop"
    MALFORMED = "malformed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What was seen: `exit_code` as a shell has it (128 + signal), `cause` if we killed, `fault` what was refused."""

    kind: JobKind
    limits: Limits
    exit_code: int
    cause: Cause | None
    fault: str
    finished: bool
    checkpoints: int
    asked_to_stop: bool
    log: str


def judge_ending(ending: Ending) -> tuple[OutcomeKind, str]:
    """The outcome, and one or a few lines that say why."""
    if ending.cause is not None:
        return _killed(ending, ending.cause)
    if ending.exit_code == CONTRACT_EXIT:
        return OutcomeKind.MALFORMED, last_lines(ending.log) or "the candidate broke the contract and did not say how"
    if ending.exit_code != 0:
        return _failed(ending)
    if ending.checkpoints == 0:
        return OutcomeKind.MALFORMED, "the process ended, but never produced predictions"
    if not ending.finished:
        return OutcomeKind.CRASHED, "the process left before fit returned (os._exit?)"
    return OutcomeKind.COMPLETED, "stopped as asked" if ending.asked_to_stop else "finished"


def _killed(ending: Ending, cause: Cause) -> tuple[OutcomeKind, str]:
    limits = ending.limits
    match cause:
        case Cause.MEMORY:
            size = f"{limits.memory_bytes / MEBIBYTE:.0f} MiB"
            return OutcomeKind.OUT_OF_MEMORY, f"killed: its processes together used more than {size} of memory"
        case Cause.DISK:
            room = f"{limits.disk_bytes / MEBIBYTE:.0f} MiB or {limits.inodes} files"
            return OutcomeKind.CRASHED, f"killed: it wrote more than {room}, or folders that cannot be looked through"
        case Cause.WALL:
            return OutcomeKind.TIMED_OUT, f"killed after {limits.wall_s:g} s of wall clock, training and predicting"
        case Cause.CPU:
            return OutcomeKind.TIMED_OUT, (
                f"killed: its processes together used more than {limits.most_cpu_s:g} s of CPU time; "
                f"it is meant for {limits.threads} at a time"
            )
        case Cause.OUTPUT:
            size = f"{limits.printed_bytes / MEBIBYTE:.0f} MiB"
            return OutcomeKind.CRASHED, f"killed: it printed more than {size}"
        case Cause.TRAINING:
            return OutcomeKind.TIMED_OUT, (
                f"killed: it trained for more than {limits.training_s:g} s and {limits.grace_s:g} s of grace. "
                "Look at run.seconds_left, or call run.checkpoint(recommender) more often: it ends fit in time"
            )
        case Cause.STOP:
            return OutcomeKind.COMPLETED, f"stopped as asked; killed after {limits.grace_s:g} s of grace"
        case Cause.MALFORMED:
            return OutcomeKind.MALFORMED, ending.fault
        case Cause.CLOSED:
            return OutcomeKind.CRASHED, "killed: the executor was closed"


def _failed(ending: Ending) -> tuple[OutcomeKind, str]:
    reason = last_lines(ending.log, TRACEBACK_LINES)
    if any(sign in last_lines(ending.log, 2) for sign in MEMORY_ERRORS):
        return OutcomeKind.OUT_OF_MEMORY, reason
    signal = ending.exit_code - SIGNAL_EXIT
    if signal == SIGXCPU:
        return OutcomeKind.TIMED_OUT, "killed by the kernel: all the CPU time it may have is used up"
    if signal == SIGXFSZ:
        return OutcomeKind.CRASHED, "killed by the kernel: it wrote a file larger than it may"
    if signal == SIGKILL:
        return OutcomeKind.OUT_OF_MEMORY, "killed by the kernel, most likely because the machine ran out of memory"
    if signal > 0:
        return OutcomeKind.CRASHED, f"killed by signal {signal}\n{reason}".strip()
    return OutcomeKind.CRASHED, reason or f"the process ended with exit code {ending.exit_code} and said nothing"
