"""A tier without walls and without torch, for tests of what stands around a sandbox: its processes run scripts."""

import sys
import threading
from functools import partial
from pathlib import Path

from autorec.execution.ground import Ground
from autorec.execution.hold import Swept
from autorec.execution.process import Sandbox
from autorec.marks import mark_of

NO_MARK = mark_of(Path("no folder"))
READY = """
import signal, socket
socket.socket(fileno=0).send(b'{"event": "ready", "index": 0}')
signal.pause()
"""
SILENT = "import signal; signal.pause()"
DIES = "import sys; sys.exit('no torch here')"
CRASHES_AT_ITS_JOB = """
import os, socket
control = socket.socket(fileno=0)
control.send(b'{"event": "ready", "index": 0}')
_, (source, log), _, _ = socket.recv_fds(control, 4096, 4)
os.write(log, b"RuntimeError: the loss diverged\\n")
os._exit(1)
"""


class ScriptedTier:
    """Implements `ground.Tier`: its sandboxes run one script after the other, the last one again and again.

    `started` holds them in order; `asked` is released at each start.
    """

    name = "scripted"

    def __init__(self, *scripts: str) -> None:
        self._scripts = scripts
        self.started: list[Sandbox] = []
        self.asked = threading.Semaphore(0)

    def start(self, ground: Ground) -> Sandbox:
        """See `ground.Tier`; the ground is not looked at."""
        script = self._scripts[min(len(self.started), len(self._scripts) - 1)]
        sandbox = Sandbox([sys.executable, "-I", "-S", "-c", script], partial(Swept, NO_MARK))
        self.started.append(sandbox)
        self.asked.release()
        return sandbox

    @property
    def living(self) -> list[Sandbox]:
        """Those whose process is there."""
        return [sandbox for sandbox in self.started if sandbox.alive]
