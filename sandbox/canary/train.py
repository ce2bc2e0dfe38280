"""Tries what a sandbox must forbid, and next to each the like that it must allow; prints what came of it.

Each canary prints [held, control]: the forbidden thing failed, the allowed thing beside it worked. A sandbox that
runs nothing at all fails every control.
"""

import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path

ALLOWED_ENVIRONMENT = {"HOME", "TMPDIR", "PATH", "LANG", "OMP_NUM_THREADS"}


JOB = Path(__file__).parents[1]


def fit(recommender, data, params, run):
    host = json.loads(Path(__file__).with_name("host.json").read_text())
    shown = [f"{folder}/meta.json" for folder in host["data"]]
    findings = {
        "network": [refused(lambda: connect(host["port"])), not refused(talk_to_oneself)],
        "host files": [refused(lambda: read(host["secret"])), not all(refused(lambda p=p: read(p)) for p in shown)],
        "environment": [set(os.environ) <= ALLOWED_ENVIRONMENT, os.environ.get("HOME") == str(JOB)],
        "read-only": [
            all(refused(lambda p=p: write(p)) for p in protected(host)),
            not refused(lambda: write(JOB / "x")),
        ],
        "not root": [os.getuid() != 0 and refused(lambda: os.setuid(0)), os.getuid() == os.geteuid()],
    }
    print("canaries", json.dumps(findings), flush=True)
    leave_grandchild(host["token"])
    with contextlib.suppress(BaseException):  # a candidate that does not leave when it is told to stop
        while True:
            run.checkpoint(recommender)
    signal.pause()


def refused(attempt):
    try:
        attempt()
    except OSError:
        return True
    return False


def connect(port):
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


def talk_to_oneself():
    here, there = socket.socketpair()
    with here, there:
        here.send(b"x")
        there.recv(1)


def protected(host):
    """What is given read-only, wherever it lies in this sandbox, and what is nobody's to write."""
    given = [f"{folder}/{name}" for folder in (*host["data"], *host["query"]) for name in ("new", "meta.json")]
    return [*given, "/usr/new", "/new", os.__file__, json.__file__ + ".new"]


def read(path):
    Path(path).read_bytes()


def write(path):
    with Path(path).open("ab") as file:
        file.write(b"x")


def leave_grandchild(token):
    """A daemon in a session of its own that ignores SIGTERM; returns once it runs."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            script = f"import os, signal; os.write({writer}, b'x'); signal.pause()"
            os.set_inheritable(writer, True)
            os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", script, token])
        os._exit(0)
    os.close(writer)
    os.read(reader, 1)
