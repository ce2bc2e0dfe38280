"""What one attack left to look at, and how a breach is seen in it: from outside, wherever there is an outside."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import safetensors
from stage import Stage

from autorec.domain.errors import MalformedPredictions
from autorec.domain.job import MEBIBYTE, Limits, Outcome, OutcomeKind, Snapshot
from autorec.execution.conversation import MEMORY_BACKSTOP_BYTES
from autorec.judging.reading import read_topk

LIMITS = Limits(
    training_s=1.5,
    predicting_s=1.0,
    validations=30,
    wall_s=20.0,
    grace_s=0.3,
    memory_bytes=512 * MEBIBYTE,
    answer_bytes=1 * MEBIBYTE,
    disk_bytes=16 * MEBIBYTE,
    inodes=400,
    processes=48,
    open_files=128,
    output_bytes=64 << 10,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One attack in a sandbox. `outcome` is None where the candidate went on to its next attack."""

    name: str
    said: str | None
    printed: str
    index: int
    outcome: Outcome | None
    snapshots: tuple[Snapshot, ...]
    stage: Stage

    @property
    def number(self) -> int:
        """How much it got of what it is after."""
        found = re.fullmatch(r"[a-z]+ (\d+)", self.said or "")
        return int(found[1]) if found else 0

    @property
    def reason(self) -> str:
        return self.outcome.reason if self.outcome else ""

    @property
    def wall_s(self) -> float:
        return self.outcome.usage.wall_s if self.outcome else 0.0

    @property
    def handed_over(self) -> list[Snapshot]:
        """What came at this attack's place in a row of answers."""
        return [snapshot for snapshot in self.snapshots if snapshot.index == self.index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """One attack by itself in a plain Python process. `exit_code` is None where it went on until it was killed."""

    name: str
    printed: str
    exit_code: int | None
    messages: tuple[bytes, ...]
    out: Path
    peak_bytes: int
    stage: Stage

    @property
    def answer(self) -> Path:
        """What it handed over last."""
        return max(self.out.glob("*.answer.npy"), default=self.out / "0.answer.npy")

    @property
    def state(self) -> Path:
        return self.answer.with_name(self.answer.name.replace("answer.npy", "state.safetensors"))


Breach = Callable[[Seen], bool]


def reached(seen: Seen) -> bool:
    """Anything arrived, changed, or was read that must not."""
    return (
        seen.stage.heard(seen.name)
        or seen.stage.changed(seen.name)
        or seen.stage.marker in seen.printed
        or "BREACH" in (seen.said or "")
        or str(seen.stage.hidden.getsockname()[1]) in (seen.said or "").split()
    )


def went_beyond(allowed: int) -> Breach:
    """It got more than it may, and was not ended for it."""
    return lambda seen: seen.number > allowed and (seen.outcome is None or seen.outcome.kind is OutcomeKind.COMPLETED)


def ends_otherwise(*kinds: OutcomeKind, snapshots: int | None = 0) -> Breach:
    """It ended in another way than it must, late, or with something of it left; `snapshots` None: any number."""

    def breach(seen: Seen) -> bool:
        if seen.outcome is None or survived(seen):
            return True
        late = seen.wall_s > LIMITS.wall_s
        return late or seen.outcome.kind not in kinds or snapshots not in (None, len(seen.snapshots))

    return breach


def survived(seen: Seen | Alone) -> bool:
    """A process that it started is still there."""
    return seen.stage.survived(seen.name)


def takes_too_much(seen: Seen) -> bool:
    """It was not ended for its memory, or only when it held far more than it may."""
    most = LIMITS.memory_bytes + MEMORY_BACKSTOP_BYTES + 64 * MEBIBYTE
    held = seen.outcome.usage.memory_bytes if seen.outcome else 0
    return ends_otherwise(OutcomeKind.OUT_OF_MEMORY)(seen) or held > most


def floods(seen: Seen) -> bool:
    """All that it printed is kept, or its escape sequences are."""
    log = seen.outcome.log if seen.outcome else ""
    return not log or len(log) > 2 * LIMITS.output_bytes or "\x1b" in log


def misread(seen: Seen) -> bool:
    """A result led the reader to what is not the candidate's own, kept it waiting, or was taken for a good one."""
    if seen.outcome is None:
        return "Error" not in (seen.said or "")
    held = b"".join(snapshot.predictions + (snapshot.state or b"") for snapshot in seen.snapshots)
    late = seen.wall_s > LIMITS.wall_s / 2
    return seen.outcome.kind is OutcomeKind.COMPLETED or seen.stage.marker.encode() in held or late


def read(seen: Seen) -> bool:
    """A result that must not even be read was."""
    return misread(seen) or bool(seen.snapshots)


def scored(seen: Seen) -> bool:
    """The judge's reader took the answer, ran what is in it, or never got it."""
    ran = seen.stage.mark(seen.name).exists()
    return ran or not seen.handed_over or any(map(accepted, seen.handed_over))


def accepted(snapshot: Snapshot) -> bool:
    """Whether the judge's reader takes the answer to the stage's question: one user, three items, two places."""
    try:
        read_topk(snapshot.predictions, rows=1, k_max=2, n_items=3)
    except MalformedPredictions:
        return False
    return True


def restored(seen: Seen) -> bool:
    """The kept state was run as code, or is one that a sandbox would load."""
    if seen.stage.mark(seen.name).exists() or not seen.handed_over:
        return True
    with suppress(safetensors.SafetensorError):
        safetensors.deserialize(seen.handed_over[0].state or b"")
        return True
    return False
