"""Throws the hostile suite at one tier, and prints a line of JSON for each attack.

    python tests/security/throw.py bwrap|landlock|none|alone [NAME ...]

In `bwrap` and `landlock`, `breach` is to be false; `none` and `alone` are the controls, where `works` is to be true.
"""

import contextlib
import json
import os
import queue
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from alone import folder_for_one, run_alone
from proofs import OnHost, RunAlone, Unprotected, Within
from seen import LIMITS, Seen, accepted
from stage import Stage
from suite import ATTACKS, CATEGORIES, HOSTILE, Attack

from autorec.domain.candidate import Candidate
from autorec.domain.job import Job, JobKind, Limits, Outcome, Snapshot
from autorec.execution.executor import SandboxExecutor
from autorec.testing.isolation import make_tier

AT_A_TIME = 2
PATIENCE_S = 30.0
IMPATIENT = ("results", "endings", "protocol")
BY_THEMSELVES = ("output", "neighbour")
Line = dict[str, Any]


def sources(category: str, names: Sequence[str], told: Mapping[str, Any]) -> dict[str, str]:
    """The files of a candidate that tries these attacks, one after the other."""
    files = {path.name: path.read_text() for path in (HOSTILE / "candidate").glob("*.py")}
    host = {**told, **asdict(LIMITS), "names": with_control(category, names)}
    return {**files, "attacks.py": (HOSTILE / f"{category}.py").read_text(), "host.json": json.dumps(host)}


def with_control(category: str, names: Sequence[str]) -> list[str]:
    """An answer that is in order goes before those that are not: so they are refused for what they are."""
    return ["honest", *names] if category == "contents" else list(names)


class Thrower:
    """Throws attacks at an executor, with a stage around."""

    def __init__(self, executor: SandboxExecutor, stage: Stage) -> None:
        self._executor = executor
        self._stage = stage

    def throw(self, category: str, names: Sequence[str]) -> Iterator[Seen]:
        """The attacks in as few candidates as can be: when one ends its candidate, those after it get another."""
        left = list(names)
        while left:
            seen = list(self._throw_once(category, left))
            yield from seen
            left = left[max(1, len(seen)) :]

    def throw_beside_a_neighbour(self, category: str, names: Sequence[str]) -> Iterator[Seen]:
        """One candidate is at work and has left its marks, while another one looks for them."""
        at_work, found = threading.Event(), threading.Event()

        def observe(_: Snapshot) -> bool:
            at_work.set()
            found.wait()
            return True

        limits = replace(LIMITS, training_s=PATIENCE_S, wall_s=4 * PATIENCE_S, grace_s=2.0)
        files = sources(category, ["be_a_neighbour"], {**self._stage.told(), "marker": self._stage.marker})
        other = threading.Thread(target=self._executor.run, args=(self._job(files, limits), observe))
        other.start()
        try:
            if at_work.wait(PATIENCE_S):
                yield from self.throw(category, names)
        finally:
            found.set()
            other.join()

    def _throw_once(self, category: str, names: Sequence[str]) -> Iterator[Seen]:
        """Those attacks that ran. None of them counts where an answer that is in order was not taken."""
        files = sources(category, names, self._stage.told())
        outcome, snapshots = self._run(files, limits_for(category, names), stop=names[0] == "deaf")
        if category == "contents" and not (snapshots and accepted(snapshots[0])):
            return
        parts = re.split(r"^RAN (\w+)$", outcome.log, flags=re.MULTILINE)
        ran = list(zip(parts[1::2], parts[2::2], strict=True))
        for index, (name, printed) in enumerate(ran):
            said = re.search(rf"^SAID {name} (\".*\")$", printed, flags=re.MULTILINE)
            if name in names:
                yield Seen(
                    name=name,
                    said=json.loads(said[1]) if said else None,
                    printed=printed,
                    index=index,
                    outcome=outcome if index == len(ran) - 1 else None,
                    snapshots=tuple(snapshots),
                    stage=self._stage,
                )

    def _run(self, files: dict[str, str], limits: Limits, *, stop: bool) -> tuple[Outcome, list[Snapshot]]:
        snapshots: list[Snapshot] = []

        def observe(snapshot: Snapshot) -> bool:
            snapshots.append(snapshot)
            return stop

        return self._executor.run(self._job(files, limits), observe), snapshots

    def _job(self, files: dict[str, str], limits: Limits) -> Job:
        data, query = self._stage.bundle
        candidate = Candidate.of(files)
        return Job(kind=JobKind.TRAIN, candidate=candidate, data_dir=data, query_dir=query, seed=1, limits=limits)


def limits_for(category: str, names: Sequence[str]) -> Limits:
    """Those that end by themselves have time for it."""
    patient = (category not in IMPATIENT and names[0] != "processor") or names[0] == "more_validations"
    return replace(LIMITS, training_s=PATIENCE_S, wall_s=2 * PATIENCE_S) if patient else LIMITS


def batches(attacks: Iterable[Attack]) -> list[tuple[str, list[str]]]:
    """What goes together: all of a category, but those that must be by themselves. The longest come first."""
    wanted = list(attacks)
    found = []
    for category in CATEGORIES:
        names = [attack.name for attack in wanted if attack.category == category]
        single = names if category == "protocol" else [name for name in names if name in BY_THEMSELVES]
        together = [name for name in names if name not in single]
        found += [(category, [name]) for name in single] + ([(category, together)] if together else [])
    return sorted(found, key=lambda batch: -len(batch[1]))


def throw_all(tier: str, attacks: Sequence[Attack]) -> list[Line]:
    """A line for each attack that ran; two candidates at a time."""
    by_name = {attack.name: attack for attack in attacks}
    work: queue.SimpleQueue[tuple[str, list[str]]] = queue.SimpleQueue()
    for batch in batches(attacks):
        work.put(batch)
    lines: list[Line] = []
    with Stage() as stage:
        sys.path.append(str(stage.site))  # so that every sandbox is given it as one of its folders of packages
        tempfile.tempdir = str(stage.jobs)
        executor = SandboxExecutor(make_tier(tier), spares=AT_A_TIME)
        thrower = Thrower(executor, stage)

        def carry_on(_: int) -> None:
            with contextlib.suppress(queue.Empty):
                while True:
                    category, names = work.get_nowait()
                    throw = thrower.throw_beside_a_neighbour if names == ["neighbour"] else thrower.throw
                    lines.extend(line(by_name[seen.name], seen) for seen in throw(category, names))

        try:
            with ThreadPoolExecutor(AT_A_TIME) as crew:
                list(crew.map(carry_on, range(AT_A_TIME)))
        finally:
            executor.close()
            kill_survivors(stage)
        left = sorted(stage.jobs.iterdir())
    if left and tier != "none":
        sys.exit(f"folders of jobs are left: {left}")
    return lines


def line(attack: Attack, seen: Seen) -> Line:
    control = attack.control
    return {
        "name": attack.name,
        "breach": attack.breach(seen),
        "works": control.works(seen) if isinstance(control, Within) else None,
        "said": (seen.said or "")[:200],
        "outcome": f"{seen.outcome.kind}: {seen.outcome.reason}"[:300] if seen.outcome else "",
        "wall_s": round(seen.outcome.usage.wall_s, 2) if seen.outcome else None,
    }


def controls(attacks: Sequence[Attack]) -> list[Line]:
    """Those controls that need no executor."""
    with Stage() as stage, ThreadPoolExecutor(AT_A_TIME) as crew:
        return list(crew.map(partial(control, stage), [a for a in attacks if isinstance(a.control, RunAlone | OnHost)]))


def control(stage: Stage, attack: Attack) -> Line:
    if isinstance(attack.control, OnHost):
        return {"name": attack.name, "works": attack.control.works(), "said": ""}
    assert isinstance(attack.control, RunAlone)
    folder = folder_for_one(stage)
    files = sources(attack.category, [attack.name], {**stage.told(), "out": str(folder / "out")})
    alone = run_alone(attack, files, folder, stage)
    works = f"RAN {attack.name}" in alone.printed and attack.control.works(alone)
    kill_survivors(stage, attack.name)
    return {"name": attack.name, "works": works, "said": alone.printed[-300:]}


def kill_survivors(stage: Stage, name: str = "") -> None:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{stage.key}-{name}".encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def main(tier: str, *names: str) -> None:
    attacks = [attack for attack in ATTACKS if not names or attack.name in names]
    if tier == "alone":
        lines = controls(attacks)
    elif tier == "none":
        unprotected = [attack for attack in attacks if isinstance(attack.control, Unprotected)]
        lines = [{**each, "works": each["breach"]} for each in throw_all(tier, unprotected)]
    else:
        lines = throw_all(tier, attacks)
    for each in lines:
        print(json.dumps(each))


if __name__ == "__main__":
    main(*sys.argv[1:])
