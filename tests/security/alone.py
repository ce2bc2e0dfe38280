"""Runs one attack in a plain Python process, as an evaluator without a sandbox would: the control of many."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from seen import Alone
from stage import Stage
from suite import Attack

from autorec.execution.watch import memory_of, tree

ENDLESS_S, PATIENCE_S, LOOK_AGAIN_S = 0.8, 15.0, 0.02
MANY_MESSAGES = 2000
MORE_BYTES = 1 << 18
SCRIPT = """
import os, sys
os.dup2(int(sys.argv[2]), 3)
held_out = sys.argv[1]
import train
train.fit(None, None, None, None)
"""


def run_alone(attack: Attack, files: Mapping[str, str], folder: Path, stage: Stage) -> Alone:
    """A secret in its environment, in its own frames and at its standard input; a control socket that believes."""
    for name, text in files.items():
        (folder / name).write_text(text)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, (folder / "printed").open("wb") as printed, Path(stage.told()["labels"]).open("rb") as labels:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-B", "-c", SCRIPT, stage.marker, str(theirs.fileno())],
                stdin=labels,
                stdout=printed,
                stderr=printed,
                pass_fds=[theirs.fileno()],
                env={"API_KEY": stage.marker},
                cwd=folder,
                start_new_session=True,
            )
        messages, peak = follow(process, ours, folder / "printed")
        exit_code = process.poll()
        end_group(process)
    return Alone(
        name=attack.name,
        printed=(folder / "printed").read_text(errors="replace"),
        exit_code=exit_code,
        messages=tuple(messages),
        out=folder / "out",
        peak_bytes=peak,
        stage=stage,
    )


def folder_for_one(stage: Stage) -> Path:
    folder = Path(tempfile.mkdtemp(dir=stage.folder))
    for name in ("out", "tmp"):
        (folder / name).mkdir()
    return folder


def follow(process: "subprocess.Popen[bytes]", control: socket.socket, printed: Path) -> tuple[list[bytes], int]:
    """What it said on its control socket, and the most memory that it held.

    It may go on for a while once the attack has begun, and for as long as it takes up more memory.
    """
    control.settimeout(LOOK_AGAIN_S)
    messages: list[bytes] = []
    begun, deadline, peak = False, time.monotonic() + PATIENCE_S, 0
    while process.poll() is None and time.monotonic() < deadline and len(messages) < MANY_MESSAGES:
        held = memory_of(tuple(tree(process.pid)))
        if begun and held > peak + MORE_BYTES:
            deadline = time.monotonic() + ENDLESS_S
        peak = max(peak, held)
        if not begun and b"RAN" in printed.read_bytes()[:64]:
            begun, deadline = True, time.monotonic() + ENDLESS_S
        try:
            message = control.recv(4096)
        except TimeoutError:
            continue
        if not message:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ENDLESS_S)
            break
        messages.append(message)
    return messages, peak


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill it and what is left in its session; daemons have sessions of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
