"""Throws the hostile suite at one tier, and prints a line of JSON for each attack.

    python tests/security/throw.py bwrap|landlock|none|alone [NAME ...]

`none` and `alone` are the controls: there, what is printed as `works` is that the attack succeeds.
"""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stage import Stage
from suite import (
    ATTACKS,
    BY_THEMSELVES,
    CATEGORIES,
    HOSTILE,
    LIMITS,
    PATIENT,
    Alone,
    Attack,
    OnHost,
    RunAlone,
    Seen,
    Unprotected,
    Within,
    accepted,
)

from autorec.domain.candidate import Candidate
from autorec.domain.job import Job, JobKind, Limits, Outcome, Snapshot
from autorec.execution.bare import Bare
from autorec.execution.bubblewrap import Bubblewrap
from autorec.execution.canaries import uids_of
from autorec.execution.executor import SandboxExecutor
from autorec.execution.watch import memory_of, tree

AT_A_TIME = 2
ENDLESS_S = 1.5
PATIENCE_S = 15.0
TIERS: dict[str, Callable[[], Any]] = {"bwrap": Bubblewrap, "none": Bare}
Line = dict[str, Any]


def sources(category: str, names: Sequence[str], told: dict[str, Any]) -> dict[str, str]:
    """The files of a candidate that tries these attacks, one after the other."""
    files = {path.name: path.read_text() for path in (HOSTILE / "candidate").glob("*.py")}
    allowed = {name: getattr(LIMITS, name) for name in Limits.__dataclass_fields__}
    host = {**told, **allowed, "names": list(names)}
    return {**files, "attacks.py": (HOSTILE / f"{category}.py").read_text(), "host.json": json.dumps(host)}


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

    def _throw_once(self, category: str, names: Sequence[str]) -> Iterator[Seen]:
        told = self._stage.told()
        files = sources(category, ["honest", *names] if category == "contents" else names, told)
        outcome, snapshots = self._run(files, limits_for(category, names), stop=category == "endings")
        if category == "contents" and not (snapshots and accepted(snapshots[0])):
            return
        parts = re.split(r"^RAN (\w+)$", outcome.log, flags=re.MULTILINE)
        ran = [(name, printed) for name, printed in zip(parts[1::2], parts[2::2], strict=True) if name in names]
        for index, (name, printed) in enumerate(ran, start=int(category == "contents")):
            said = re.search(rf"^SAID {name} (\".*\")$", printed, flags=re.MULTILINE)
            yield Seen(
                name=name,
                said=json.loads(said[1]) if said else None,
                printed=printed,
                index=index,
                outcome=outcome if (name, printed) == ran[-1] else None,
                snapshots=tuple(snapshots),
                stage=self._stage,
            )

    def throw_beside_a_neighbour(self) -> Iterator[Seen]:
        """One candidate is at work with marks left where another may find them, while that one looks for them."""
        at_work, found = threading.Event(), threading.Event()
        told = {**self._stage.told(), "marker": self._stage.marker}
        files = sources("secrets", ["be_a_neighbour"], told)

        def observe(_: Snapshot) -> bool:
            at_work.set()
            found.wait()
            return True

        limits = replace(LIMITS, training_s=PATIENCE_S, wall_s=4 * PATIENCE_S, grace_s=2.0)
        job = self._job(files, limits)
        other = threading.Thread(target=self._executor.run, args=(job, observe))
        other.start()
        try:
            if at_work.wait(PATIENCE_S):
                yield from self.throw("secrets", ["neighbour"])
        finally:
            found.set()
            other.join()

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
    patient = category in PATIENT and names[0] != "processor"
    return replace(LIMITS, training_s=PATIENCE_S, wall_s=2 * PATIENCE_S) if patient else LIMITS


def batches(attacks: Iterable[Attack]) -> list[tuple[str, list[str]]]:
    """What goes together: all of a category, but those that must be by themselves. The longest come first."""
    wanted = list(attacks)
    found = []
    for category in reversed(CATEGORIES):
        names = [attack.name for attack in wanted if attack.category == category]
        single = names if category == "protocol" else [name for name in names if name in BY_THEMSELVES]
        found += [(category, [name]) for name in single]
        if together := [name for name in names if name not in single]:
            found.append((category, together))
    return sorted(found, key=lambda batch: -len(batch[1]))


def throw_all(tier: str, attacks: Sequence[Attack]) -> Iterator[Line]:
    """A line for each attack: whether it ran, whether it was a breach, and whether its control held within."""
    by_name = {attack.name: attack for attack in attacks}
    with Stage() as stage:
        sys.path.append(str(stage.site))
        executor = SandboxExecutor(TIERS[tier](), spares=AT_A_TIME)
        thrower = Thrower(executor, stage)
        work: queue.SimpleQueue[tuple[str, list[str]]] = queue.SimpleQueue()
        for batch in batches(attacks):
            work.put(batch)
        lines: list[Line] = []

        def carry_on() -> None:
            while not work.empty():
                try:
                    category, names = work.get_nowait()
                except queue.Empty:
                    return
                thrown = thrower.throw_beside_a_neighbour() if names == ["neighbour"] else thrower.throw(category, names)
                lines.extend(line(by_name[seen.name], seen) for seen in thrown)

        threads = [threading.Thread(target=carry_on) for _ in range(AT_A_TIME)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            executor.close()
            kill_all_that_survived(stage)
        yield from lines


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


def kill_all_that_survived(stage: Stage) -> None:
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and stage.key in read_or_empty(process / "cmdline"):
            if str(os.getpid()) != process.name:
                os.kill(int(process.name), signal.SIGKILL)


def read_or_empty(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def run_alone(attack: Attack, stage: Stage) -> Alone:
    """The attack in a plain Python process, killed when it goes on: as an evaluator without a sandbox would run it."""
    folder = Path(tempfile.mkdtemp(dir=stage.folder))
    (folder / "out").mkdir()
    (folder / "tmp").mkdir()
    told = {**stage.told(), "out": str(folder / "out")}
    names = ["honest", attack.name] if attack.category == "contents" else [attack.name]
    for name, text in sources(attack.category, names, told).items():
        (folder / name).write_text(text)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    script = "import sys, train; held_out = sys.argv[1]; train.fit(None, None, None, None)"
    with (folder / "printed").open("wb") as printed, Path(stage.told()["labels"]).open("rb") as labels:
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'exec "$@" 3<&"$CONTROL"', "sh", sys.executable, "-B", "-c", script, stage.marker],
            stdin=labels,
            stdout=printed,
            stderr=printed,
            pass_fds=[theirs.fileno()],
            env={"API_KEY": stage.marker, "CONTROL": str(theirs.fileno())},
            cwd=folder,
            start_new_session=True,
        )
    theirs.close()
    messages, peak = follow(process, ours)
    exit_code = process.poll()
    process.kill()
    process.wait()
    ours.close()
    os.killpg(process.pid, signal.SIGKILL) if alive_group(process.pid) else None
    if attack.category == "contents":
        (folder / "out" / "1.answer.npy").replace(folder / "out" / "0.answer.npy")
        (folder / "out" / "1.state.safetensors").replace(folder / "out" / "0.state.safetensors")
    return Alone(
        name=attack.name,
        printed=(folder / "printed").read_text(errors="replace"),
        exit_code=exit_code,
        messages=tuple(messages),
        out=folder / "out",
        peak_bytes=peak,
        stage=stage,
    )


def alive_group(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def follow(process: "subprocess.Popen[bytes]", control: socket.socket) -> tuple[list[bytes], int]:
    """What it said on its control socket, and the most memory that it held, for as long as it may run."""
    control.settimeout(0.05)
    messages: list[bytes] = []
    deadline, peak = time.monotonic() + ENDLESS_S, 0
    while process.poll() is None and time.monotonic() < deadline and len(messages) < 2000:
        try:
            messages.append(control.recv(4096))
        except TimeoutError:
            peak = max(peak, memory_of(tuple(tree(process.pid))))
            continue
        if not messages[-1]:
            messages.pop()
            process_gone(process, deadline)
    return messages, peak


def process_gone(process: "subprocess.Popen[bytes]", deadline: float) -> None:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return


def controls(attacks: Sequence[Attack]) -> Iterator[Line]:
    """Those controls that need no executor."""
    with Stage() as stage:
        for attack in attacks:
            control = attack.control
            if isinstance(control, OnHost):
                yield {"name": attack.name, "works": control.works()}
            if isinstance(control, RunAlone):
                alone = run_alone(attack, stage)
                works = f"RAN {attack.name}" in alone.printed and control.works(alone)
                yield {"name": attack.name, "works": works, "printed": alone.printed[-300:]}
                for pid in survivors(stage, attack.name):
                    os.kill(pid, signal.SIGKILL)


def survivors(stage: Stage, name: str) -> list[int]:
    token = f"{stage.key}-{name}"
    if not uids_of(token):
        return []
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and token in read_or_empty(p / "cmdline")]


def main(tier: str, *names: str) -> None:
    attacks = [attack for attack in ATTACKS if not names or attack.name in names]
    if tier == "none":
        attacks = [attack for attack in attacks if isinstance(attack.control, Unprotected)]
    lines = controls(attacks) if tier == "alone" else throw_all(tier, attacks)
    for each in lines:
        if tier == "none":
            each["works"] = each.pop("breach")
        print(json.dumps(each), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
