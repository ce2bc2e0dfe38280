"""The watch on a tree of processes: it counts all of them, and kills once a limit is passed."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from autorec.domain.job import MEBIBYTE, Limits
from autorec.execution.ending import Cause
from autorec.execution.watch import TreeWatch

BUSY_CHILDREN = "import os; os.fork(); os.fork()\nwhile True: pass"
LARGE_CHILDREN = "import os, signal; os.fork(); held = bytearray(b'x' * (80 << 20)); signal.pause()"


@contextmanager
def watched(script: str, limits: Limits) -> Iterator[tuple[TreeWatch, threading.Event, list[Cause]]]:
    process = subprocess.Popen([sys.executable, "-S", "-c", script], start_new_session=True)
    killed, causes = threading.Event(), list[Cause]()

    def kill(cause: Cause) -> None:
        causes.append(cause)
        killed.set()

    watch = TreeWatch(process.pid, limits, kill=kill)
    watch.start()
    try:
        yield watch, killed, causes
    finally:
        watch.end()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_cpu_time_of_all_processes_together_is_limited() -> None:
    with watched(BUSY_CHILDREN, Limits(wall_s=60, cpu_s=0.5)) as (watch, killed, causes):
        assert killed.wait(30)
    assert causes[0] is Cause.CPU
    assert watch.cpu_s > 0.5


def test_memory_of_all_processes_together_is_limited() -> None:
    with watched(LARGE_CHILDREN, Limits(wall_s=60, memory_bytes=140 * MEBIBYTE)) as (watch, killed, causes):
        assert killed.wait(30)
    assert causes[0] is Cause.MEMORY
    assert watch.memory_bytes > 140 * MEBIBYTE


def test_the_wall_clock_is_limited() -> None:
    with watched("import signal; signal.pause()", Limits(wall_s=0.2)) as (_, killed, causes):
        assert killed.wait(30)
    assert causes[0] is Cause.WALL
