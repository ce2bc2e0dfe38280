"""The hostile suite as a table: every attack, how a breach is seen, and the control that shows the attack is real.

An attack is a function of a file in `hostile/`, with one line that says what it is after; the file is its category.
How a breach is seen and what the control is stands here, apart from the code that a candidate carries.
"""

import ast
import io
import json
import os
import pickle
import re
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from stage import Stage

from autorec.domain.errors import MalformedPredictions
from autorec.domain.job import MEBIBYTE, Limits, Outcome, OutcomeKind, Snapshot
from autorec.execution.canaries import uids_of
from autorec.judging.reading import read_topk

HOSTILE = Path(__file__).parent / "hostile"
CATEGORIES = ("network", "secrets", "writes", "ipc", "privileges", "signals", "results", "contents", "bombs",
              "endings", "protocol")  # fmt: skip
LIMITS = Limits(
    training_s=1.0, predicting_s=1.0, validations=30, wall_s=20.0, grace_s=0.3, memory_bytes=512 * MEBIBYTE,
    answer_bytes=1 * MEBIBYTE, disk_bytes=16 * MEBIBYTE, inodes=400, processes=48, open_files=128,
    output_bytes=64 << 10,
)  # fmt: skip
PATIENT = ("network", "secrets", "writes", "ipc", "privileges", "signals", "contents", "bombs")
BY_THEMSELVES = ("output", "neighbour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one attack left to look at. `outcome` is None where the candidate went on to its next attack."""

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
    def survived(self) -> bool:
        return bool(uids_of(f"{self.stage.key}-{self.name}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """What an attack left when it was run by itself, in a plain Python process with no executor around."""

    name: str
    printed: str
    exit_code: int | None
    messages: tuple[bytes, ...]
    out: Path
    peak_bytes: int
    stage: Stage

    @property
    def endless(self) -> bool:
        return self.exit_code is None

    @property
    def answer(self) -> Path:
        return self.out / "0.answer.npy"

    @property
    def survived(self) -> bool:
        return bool(uids_of(f"{self.stage.key}-{self.name}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unprotected:
    """The control of most: the same attack in the tier `none` is a breach."""

    needs_root: bool = False
    proof = "tier `none`: succeeds"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAlone:
    """The control where `none` holds too: the attack run by itself takes in who trusts it."""

    works: Callable[[Alone], bool]
    proof: str = "run alone: succeeds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """The control where the attack lives in the harness: its own run shows that it was carried out."""

    works: Callable[[Seen], bool]
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnHost:
    """The control where the attack would harm the machine: what it is after is there to be had."""

    works: Callable[[], bool]
    proof: str
    needs_root: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    name: str
    category: str
    says: str
    breach: Callable[[Seen], bool]
    control: Unprotected | RunAlone | Within | OnHost


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for an attack whose category says nothing else."""

    breach: Callable[[Seen], bool]
    control: Unprotected | RunAlone | Within | OnHost = field(default_factory=Unprotected)


def reached(seen: Seen) -> bool:
    """Anything arrived, changed, or was read that must not."""
    return (
        seen.stage.heard(seen.name)
        or seen.stage.changed(seen.name)
        or seen.stage.marker in seen.printed
        or "BREACH" in (seen.said or "")
        or str(seen.stage.hidden.getsockname()[1]) in (seen.said or "").split()
    )


def went_beyond(allowed: int) -> Callable[[Seen], bool]:
    """It got more than it may, and was not ended for it."""
    return lambda seen: seen.number > allowed and (seen.outcome is None or seen.outcome.kind is OutcomeKind.COMPLETED)


def ends_otherwise(*kinds: OutcomeKind, snapshots: int | None = 0) -> Callable[[Seen], bool]:
    """It ended in another way than it must, late, or with something of it left."""

    def breach(seen: Seen) -> bool:
        if seen.outcome is None or seen.survived:
            return True
        late = seen.outcome.usage.wall_s > LIMITS.wall_s
        return late or seen.outcome.kind not in kinds or snapshots not in (None, len(seen.snapshots))

    return breach


def survived(seen: Seen) -> bool:
    return seen.survived


def believed(seen: Seen) -> bool:
    """A result that is no ordinary file was taken, or the reader was kept waiting by it."""
    if seen.outcome is None:
        return "Error" not in (seen.said or "")
    held = b"".join(snapshot.predictions + (snapshot.state or b"") for snapshot in seen.snapshots)
    late = seen.outcome.usage.wall_s > LIMITS.wall_s / 2
    return seen.outcome.kind is OutcomeKind.COMPLETED or seen.stage.marker.encode() in held or late


def believed_at_all(seen: Seen) -> bool:
    return believed(seen) or bool(seen.snapshots)


def scored(seen: Seen) -> bool:
    """The judge's reader took the answer, or ran what is in it."""
    if Path(seen.stage.told()["mark"]).exists():
        return True
    return any(accepted(snapshot) for snapshot in seen.snapshots if snapshot.index == seen.index) or not seen.snapshots


def accepted(snapshot: Snapshot) -> bool:
    try:
        read_topk(snapshot.predictions, rows=1, k_max=2, n_items=3)
    except MalformedPredictions:
        return False
    return True


def state_taken(seen: Seen) -> bool:
    states = [snapshot.state for snapshot in seen.snapshots if snapshot.index == seen.index]
    if Path(seen.stage.told()["mark"]).exists() or not states:
        return True
    with suppress(safetensors.SafetensorError):
        safetensors.deserialize(states[0] or b"")
        return True
    return False


def naive(content: bytes) -> object:
    """A reader that believes: it evaluates headers, unpickles, makes room for what is claimed, takes what is there."""
    if not content.startswith(b"\x93NUMPY"):
        return pickle.loads(content) if content else np.array([])
    end = 10 + int.from_bytes(content[8:10], "little")
    header = eval(content[10:end].decode(errors="replace").replace("\ufffd", "").partition("}")[0] + "}")
    if "O" in header["descr"]:
        return pickle.loads(content[end:])
    room = int(np.prod(header["shape"], dtype=np.float64)) * np.dtype(header["descr"]).itemsize
    return room, np.load(io.BytesIO(content)) if len(content) == end + room else content[end:]


def takes_in(alone: Alone) -> bool:
    """A naive reader takes the planted answer without a word."""
    try:
        naive(alone.answer.read_bytes())
    except ValueError:
        return False
    return True


def runs_code(file: str) -> Callable[[Alone], bool]:
    def works(alone: Alone) -> bool:
        mark = Path(alone.stage.told()["mark"])
        naive((alone.out / file).read_bytes())
        ran = mark.is_dir()
        mark.rmdir()
        return ran

    return works


def reads_secret(file: str = "0.answer.npy") -> Callable[[Alone], bool]:
    return lambda alone: alone.stage.marker in (alone.out / file).read_text()


def is_a(kind: Callable[[int], bool]) -> Callable[[Alone], bool]:
    return lambda alone: kind(alone.answer.lstat().st_mode)


def said_in_log(text: str, proof: str) -> Within:
    return Within(works=lambda seen: text in seen.printed, proof=proof)


def told(event: str) -> Callable[[Alone], bool]:
    """A reader that believes messages would believe this one."""
    return lambda alone: any(event.encode() in message for message in alone.messages)


NAIVE = RunAlone(works=takes_in, proof="a naive reader takes it")
CODE = RunAlone(works=runs_code("0.answer.npy"), proof="a naive reader runs it")
KINDS = OutcomeKind
ENDLESS = RunAlone(works=lambda alone: alone.endless, proof="run alone: never ends")
SURVIVES = RunAlone(works=lambda alone: alone.survived, proof="run alone: outlives a kill of its parent")

ROOT = Unprotected(needs_root=True)
RULES: Mapping[str, Rule] = {
    **{name: Rule(reached) for name in ("network", "secrets", "writes", "ipc", "privileges", "signals")},
    "results": Rule(believed_at_all),
    "contents": Rule(scored, NAIVE),
    "bombs": Rule(went_beyond(LIMITS.disk_bytes)),
    "endings": Rule(ends_otherwise(KINDS.TIMED_OUT), ENDLESS),
    "protocol": Rule(ends_otherwise(KINDS.MALFORMED)),
}
EXCEPTIONS: Mapping[str, Rule] = {
    **{
        name: Rule(reached, ROOT)
        for name in (
            "raw", "kernel_log", "open_by_handle", "data_owner", "runner", "interpreter", "loader", "device",
            "mounted_over", "root", "root_by_program", "capabilities", "other_namespaces", "mount", "new_mount_calls",
            "chroot", "setns", "priority", "bpf", "performance_counters", "terminal_keys", "page_faults",
        )  # fmt: skip
    },
    "core_pattern": Rule(
        reached,
        OnHost(
            works=lambda: os.access("/proc/sys/kernel/core_pattern", os.W_OK), proof="root may write it on the machine"
        ),
    ),
    "own_environment": Rule(reached, RunAlone(works=lambda alone: alone.stage.marker in alone.printed)),
    "descriptors": Rule(reached, RunAlone(works=lambda alone: alone.stage.marker in alone.printed)),
    "frames": Rule(
        reached,
        RunAlone(works=lambda alone: alone.stage.marker in alone.printed, proof="in the scorer's process: succeeds"),
    ),
    # results
    "symlink": Rule(believed_at_all, RunAlone(works=reads_secret(), proof="a naive reader follows it")),
    "magic_link": Rule(
        believed_at_all, RunAlone(works=lambda alone: bool(alone.answer.read_bytes()), proof="a naive reader follows it")
    ),
    "hardlink": Rule(
        believed_at_all,
        RunAlone(works=lambda alone: alone.answer.stat().st_nlink == 2, proof="a naive reader sees an ordinary file"),
    ),
    "fifo": Rule(believed_at_all, RunAlone(works=is_a(stat.S_ISFIFO), proof="a naive reader waits for ever")),
    "device_node": Rule(believed_at_all, RunAlone(works=is_a(stat.S_ISCHR), proof="a naive reader opens it")),
    "unix_socket": Rule(believed_at_all, RunAlone(works=is_a(stat.S_ISSOCK), proof="run alone: it is made")),
    "folder": Rule(believed_at_all, RunAlone(works=is_a(stat.S_ISDIR), proof="run alone: it is made")),
    "missing": Rule(
        believed_at_all, RunAlone(works=lambda alone: not alone.answer.exists(), proof="run alone: nothing is there")
    ),
    "too_large": Rule(
        believed_at_all,
        RunAlone(works=lambda alone: len(alone.answer.read_bytes()) > LIMITS.answer_bytes, proof="a naive reader takes it"),
    ),
    "sparse": Rule(
        believed,
        RunAlone(works=lambda alone: alone.answer.stat().st_size == 1 << 40, proof="run alone: it is made"),
    ),
    "swapped": Rule(believed, RunAlone(works=reads_secret(), proof="a reader that looked before follows it")),
    "rewritten": Rule(
        believed, RunAlone(works=lambda alone: alone.answer.stat().st_size == 100_000, proof="run alone: it is made")
    ),
    "folder_swapped": Rule(
        believed_at_all,
        RunAlone(works=reads_secret("labels.npy"), proof="a reader that goes by paths is led to the labels"),
    ),
    "state_link": Rule(
        believed_at_all, RunAlone(works=reads_secret("0.state.safetensors"), proof="a naive reader follows it")
    ),
    # contents
    "objects": Rule(scored, CODE),
    "pickled": Rule(scored, CODE),
    "evaluated_header": Rule(scored, CODE),
    "pickled_state": Rule(
        state_taken, RunAlone(works=runs_code("0.state.safetensors"), proof="a naive reader runs it")
    ),
    # bombs
    "forks": Rule(went_beyond(LIMITS.processes)),
    "threads": Rule(went_beyond(LIMITS.processes)),
    "open_files": Rule(went_beyond(LIMITS.open_files)),
    "inodes": Rule(went_beyond(LIMITS.inodes)),
    "folders": Rule(went_beyond(LIMITS.inodes)),
    **{
        name: Rule(
            ends_otherwise(KINDS.OUT_OF_MEMORY),
            RunAlone(works=lambda alone: alone.peak_bytes > LIMITS.memory_bytes, proof="run alone: takes more"),
        )
        for name in ("memory", "memory_of_many", "memory_of_torch")
    },
    "processor": Rule(ends_otherwise(KINDS.TIMED_OUT), ENDLESS),
    "output": Rule(
        lambda seen: seen.outcome is None or len(seen.outcome.log) > 2 * LIMITS.output_bytes or "\x1b" in seen.outcome.log,
        RunAlone(
            works=lambda alone: len(alone.printed) > 10 * LIMITS.output_bytes and "\x1b" in alone.printed,
            proof="run alone: prints it all",
        ),
    ),
    # endings
    "daemon_after_a_good_end": Rule(survived, SURVIVES),
    "daemon_that_ignores_signals": Rule(ends_otherwise(KINDS.TIMED_OUT), SURVIVES),
    "daemon_whose_keeper_is_killed": Rule(survived),
    "daemon_of_a_crash": Rule(ends_otherwise(KINDS.CRASHED, KINDS.OUT_OF_MEMORY), SURVIVES),
    "stall_in_validation": Rule(
        ends_otherwise(KINDS.TIMED_OUT),
        Within(
            works=lambda seen: seen.said is None and seen.outcome is not None and seen.outcome.usage.wall_s > 1,
            proof="its answer never came",
        ),
    ),
    "stall_at_exit": Rule(lambda seen: seen.outcome is not None and seen.outcome.kind is not KINDS.COMPLETED, ENDLESS),
    "deaf": Rule(
        ends_otherwise(KINDS.COMPLETED, snapshots=1),
        Within(
            works=lambda seen: "grace" in (seen.outcome.reason if seen.outcome else ""), proof="it did not stop by itself"
        ),
    ),
    **{
        name: Rule(
            ends_otherwise(KINDS.MALFORMED),
            RunAlone(works=lambda alone: alone.exit_code in (0, 64), proof="run alone: exit code 0, or 64"),
        )
        for name in ("leave_with_0", "leave_with_64")
    },
    "leave_after_an_answer": Rule(
        ends_otherwise(KINDS.CRASHED, snapshots=1),
        Within(works=lambda seen: len(seen.snapshots) == 1, proof="a good answer was handed over"),
    ),
    "segmentation_fault": Rule(
        ends_otherwise(KINDS.CRASHED),
        RunAlone(works=lambda alone: alone.exit_code == -11, proof="run alone: ends by SIGSEGV"),
    ),
    "closed_descriptors": Rule(
        ends_otherwise(KINDS.CRASHED),
        RunAlone(works=lambda alone: "SAID" not in alone.printed, proof="run alone: falls silent"),
    ),
    # protocol
    "spoofed_output": Rule(
        ends_otherwise(KINDS.MALFORMED),
        RunAlone(
            works=lambda alone: alone.exit_code == 0 and "ndcg@10=1.0" in alone.printed.splitlines(),
            proof="who reads its output believes it",
        ),
    ),
    "forged_statuses": Rule(
        lambda seen: ends_otherwise(KINDS.COMPLETED, snapshots=1)(seen) or not accepted(seen.snapshots[0]),
        RunAlone(works=told('"metric"'), proof="who believes messages believes them"),
    ),
    "only_finished": Rule(
        ends_otherwise(KINDS.MALFORMED), RunAlone(works=told("finished"), proof="who believes messages believes it")
    ),
    "early_predicted": Rule(
        ends_otherwise(KINDS.MALFORMED),
        RunAlone(
            works=lambda alone: told("predicted")(alone) and not alone.answer.exists(),
            proof="announced with nothing there",
        ),
    ),
    "late_answer": Rule(
        lambda seen: [snapshot.predictions for snapshot in seen.snapshots] != [b"quick"],
        RunAlone(works=lambda alone: alone.answer.read_bytes() == b"slow and better", proof="who reads later is taken in"),
    ),
    "flood": Rule(
        ends_otherwise(KINDS.MALFORMED),
        RunAlone(works=lambda alone: len(alone.messages) > 1000, proof="run alone: goes on without end"),
    ),
    "descriptors_flood": Rule(
        ends_otherwise(KINDS.MALFORMED),
        RunAlone(works=lambda alone: len(alone.messages) > 1000, proof="run alone: goes on without end"),
    ),
    "frozen_clock": Rule(
        ends_otherwise(KINDS.TIMED_OUT, snapshots=None),
        said_in_log("seconds by its own clock: 0.0", "its own clock stands still"),
    ),
    "longer_training": Rule(
        ends_otherwise(KINDS.TIMED_OUT, snapshots=None),
        said_in_log("seconds left by its own count: 1000000000", "the harness inside believes it"),
    ),
    "training_while_predicting": Rule(
        ends_otherwise(KINDS.TIMED_OUT),
        Within(
            works=lambda seen: seen.outcome is not None and seen.outcome.usage.wall_s > LIMITS.predicting_s,
            proof="it went beyond its time to predict",
        ),
    ),
    "more_validations": Rule(
        ends_otherwise(KINDS.MALFORMED, snapshots=LIMITS.validations),
        Within(
            works=lambda seen: "more than" in (seen.outcome.reason if seen.outcome else ""),
            proof="the harness inside asked for more",
        ),
    ),
    "patched_harness": Rule(
        lambda seen: any(map(accepted, seen.snapshots)),
        Within(
            works=lambda seen: any("perfect".encode("utf-32-le") in s.predictions for s in seen.snapshots),
            proof="the forged answer was handed over",
        ),
    ),
    "score_in_the_answer": Rule(
        lambda seen: any(set(json.loads(heard)) != {"ack", "stop"} for heard in overheard(seen)),
        Within(works=lambda seen: bool(overheard(seen)), proof="it did hear the answer"),
    ),
}  # fmt: skip


def overheard(seen: Seen) -> list[str]:
    found: list[Any] = ast.literal_eval(seen.said or "[]")
    return [str(heard) for heard in found]


def attacks_of(category: str) -> list[Attack]:
    """The attacks of one file, in its order."""
    tree = ast.parse((HOSTILE / f"{category}.py").read_text())
    found = []
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef) or [a.arg for a in function.args.args] != ["host"]:
            continue
        says = ast.get_docstring(function)
        if says is None or says.startswith("Not an attack"):
            continue
        rule = EXCEPTIONS.get(function.name, RULES[category])
        found.append(
            Attack(name=function.name, category=category, says=says, breach=rule.breach, control=rule.control)
        )
    return found


def title(category: str) -> str:
    return (ast.get_docstring(ast.parse((HOSTILE / f"{category}.py").read_text())) or category).strip()


ATTACKS: tuple[Attack, ...] = tuple(attack for category in CATEGORIES for attack in attacks_of(category))
