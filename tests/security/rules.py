"""For each attack, how a breach is seen and what its control is: the rule of its category, or one of its own."""

import ast
import json
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from proofs import (
    EATS,
    ENDLESS,
    FOLLOWS,
    GOES_ON,
    RUNS,
    SUCCEEDS,
    SURVIVES,
    TAKES,
    TELLS,
    Control,
    OnHost,
    alone,
    leads_to_secret,
    naive_reader,
    told,
    within,
)
from seen import (
    LIMITS,
    Alone,
    Breach,
    Seen,
    accepted,
    ends_otherwise,
    floods,
    misread,
    reached,
    read,
    restored,
    scored,
    survived,
    takes_too_much,
    went_beyond,
)

from autorec.domain.job import OutcomeKind

COMPLETED, CRASHED, MALFORMED = OutcomeKind.COMPLETED, OutcomeKind.CRASHED, OutcomeKind.MALFORMED
TIMED_OUT, OUT_OF_MEMORY = OutcomeKind.TIMED_OUT, OutcomeKind.OUT_OF_MEMORY


@dataclass(frozen=True, slots=True)
class Rule:
    breach: Breach
    control: Control = SUCCEEDS


def answer_is(kind: Callable[[int], bool]) -> Callable[[Alone], bool]:
    return lambda run: kind(run.answer.lstat().st_mode)


def overheard(seen: Seen) -> list[dict[str, object]]:
    return [json.loads(heard) for heard in ast.literal_eval(seen.said or "[]")]


def all_of(names: Iterable[str], rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


BY_CATEGORY: Mapping[str, Rule] = {
    **all_of(("network", "secrets", "writes", "ipc", "privileges", "signals"), Rule(reached)),
    "results": Rule(read),
    "contents": Rule(scored, TAKES),
    "bombs": Rule(went_beyond(LIMITS.disk_bytes)),
    "endings": Rule(ends_otherwise(TIMED_OUT), ENDLESS),
    "protocol": Rule(ends_otherwise(MALFORMED)),
}

REACHING: Mapping[str, Rule] = {
    "core_pattern": Rule(
        reached,
        OnHost(
            works=lambda: os.access("/proc/sys/kernel/core_pattern", os.W_OK),
            proof="on the machine: root may write it",
        ),
    ),
    **all_of(("own_environment", "descriptors", "frames"), Rule(reached, TELLS)),
}

RESULTS: Mapping[str, Rule] = {
    "symlink": Rule(read, FOLLOWS),
    "magic_link": Rule(read, naive_reader("follows it", lambda run: bool(run.answer.read_bytes()))),
    "hardlink": Rule(read, naive_reader("sees an ordinary file", lambda run: run.answer.stat().st_nlink == 2)),
    "fifo": Rule(read, naive_reader("waits for ever", answer_is(stat.S_ISFIFO))),
    "device_node": Rule(read, naive_reader("opens it", answer_is(stat.S_ISCHR))),
    "unix_socket": Rule(read, alone("it is made", answer_is(stat.S_ISSOCK))),
    "folder": Rule(read, alone("it is made", answer_is(stat.S_ISDIR))),
    "missing": Rule(read, alone("nothing is there", lambda run: not run.answer.exists())),
    "too_large": Rule(read, naive_reader("takes it", lambda run: len(run.answer.read_bytes()) > LIMITS.answer_bytes)),
    "sparse": Rule(misread, alone("it is made", lambda run: run.answer.stat().st_size == 1 << 40)),
    "swapped": Rule(misread, naive_reader("that looked before follows it", leads_to_secret())),
    "rewritten": Rule(misread, alone("it is made", lambda run: run.answer.stat().st_size == 100_000)),
    "folder_swapped": Rule(read, naive_reader("that goes by paths is led away", leads_to_secret("labels.npy"))),
    "state_link": Rule(read, naive_reader("follows it", leads_to_secret("0.state.safetensors"))),
    **all_of(("objects", "pickled", "evaluated_header"), Rule(scored, RUNS)),
    "pickled_state": Rule(restored, RUNS),
}

BOMBS: Mapping[str, Rule] = {
    **all_of(("forks", "threads"), Rule(went_beyond(LIMITS.processes))),
    "open_files": Rule(went_beyond(LIMITS.open_files)),
    **all_of(("inodes", "folders"), Rule(went_beyond(LIMITS.inodes))),
    **all_of(("memory", "memory_of_many", "memory_of_torch"), Rule(takes_too_much, EATS)),
    "processor": Rule(ends_otherwise(TIMED_OUT), ENDLESS),
    "output": Rule(
        floods,
        alone("prints it all", lambda run: len(run.printed) > 10 * LIMITS.output_bytes and "\x1b" in run.printed),
    ),
}

ENDINGS: Mapping[str, Rule] = {
    "daemon_after_a_good_end": Rule(survived, SURVIVES),
    "daemon_that_ignores_signals": Rule(ends_otherwise(TIMED_OUT), SURVIVES),
    "daemon_whose_keeper_is_killed": Rule(survived, SURVIVES),
    "daemon_of_a_crash": Rule(ends_otherwise(CRASHED, OUT_OF_MEMORY), SURVIVES),
    "stall_in_validation": Rule(
        ends_otherwise(TIMED_OUT),
        within("the answer never came", lambda seen: seen.said is None and seen.wall_s > LIMITS.predicting_s),
    ),
    "stall_at_exit": Rule(lambda seen: seen.outcome is not None and seen.outcome.kind is not COMPLETED, ENDLESS),
    "deaf": Rule(
        ends_otherwise(COMPLETED, snapshots=1), within("it did not stop by itself", lambda seen: "grace" in seen.reason)
    ),
    **all_of(
        ("leave_with_0", "leave_with_64"),
        Rule(ends_otherwise(MALFORMED), alone("exit code 0, or 64", lambda run: run.exit_code in (0, 64))),
    ),
    "leave_after_an_answer": Rule(
        ends_otherwise(CRASHED, snapshots=1),
        within("a good answer was handed over", lambda seen: any(map(accepted, seen.snapshots))),
    ),
    "segmentation_fault": Rule(ends_otherwise(CRASHED), alone("ends by SIGSEGV", lambda run: run.exit_code == -11)),
    "closed_descriptors": Rule(
        ends_otherwise(CRASHED, TIMED_OUT), alone("falls silent", lambda run: "SAID" not in run.printed)
    ),
}

PROTOCOL: Mapping[str, Rule] = {
    "spoofed_output": Rule(
        ends_otherwise(MALFORMED),
        naive_reader(
            "of its output believes it",
            lambda run: run.exit_code == 0 and "ndcg@10=1.0" in run.printed.splitlines(),
        ),
    ),
    "forged_statuses": Rule(
        lambda seen: ends_otherwise(COMPLETED, snapshots=1)(seen) or not accepted(seen.snapshots[0]),
        naive_reader("of messages believes them", told('"metric"')),
    ),
    "only_finished": Rule(ends_otherwise(MALFORMED), naive_reader("of messages believes it", told("finished"))),
    "early_predicted": Rule(
        ends_otherwise(MALFORMED),
        alone("announced with nothing there", lambda run: told("predicted")(run) and not run.answer.exists()),
    ),
    "late_answer": Rule(
        lambda seen: [snapshot.predictions for snapshot in seen.snapshots] != [b"quick"],
        naive_reader("that comes later takes it", lambda run: run.answer.read_bytes() == b"slow and better"),
    ),
    "flood": Rule(ends_otherwise(MALFORMED), GOES_ON),
    "descriptors_flood": Rule(ends_otherwise(MALFORMED, TIMED_OUT), GOES_ON),  # the kernel slows it down
    "frozen_clock": Rule(
        ends_otherwise(TIMED_OUT, snapshots=None),
        within("its own clock stands still", lambda seen: "seconds by its own clock: 0.0" in seen.printed),
    ),
    "longer_training": Rule(
        ends_otherwise(TIMED_OUT, snapshots=None),
        within("the harness believes it", lambda seen: "seconds left by its own count: 1000000000" in seen.printed),
    ),
    "training_while_predicting": Rule(
        ends_otherwise(TIMED_OUT),
        within("it went beyond its time to predict", lambda seen: seen.wall_s > LIMITS.predicting_s),
    ),
    "more_validations": Rule(
        ends_otherwise(MALFORMED, snapshots=LIMITS.validations),
        within("the harness asked for more", lambda seen: "more than" in seen.reason),
    ),
    "patched_harness": Rule(
        lambda seen: any(map(accepted, seen.snapshots)),
        within(
            "the forged answer was handed over",
            lambda seen: any("perfect".encode("utf-32-le") in snapshot.predictions for snapshot in seen.snapshots),
        ),
    ),
    "score_in_the_answer": Rule(
        lambda seen: any(set(heard) != {"ack", "stop"} for heard in overheard(seen)),
        within("it did hear the answer", lambda seen: bool(overheard(seen))),
    ),
}

OF_THEIR_OWN: Mapping[str, Rule] = {**REACHING, **RESULTS, **BOMBS, **ENDINGS, **PROTOCOL}
