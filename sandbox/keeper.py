"""Stands between the trusted side and a runner where there is no PID namespace: all orphans come to it.

    python -I -B -S keeper.py MARK COMMAND ...

It ends with the command, or at SIGTERM, which it also gets when the thread that started it dies; either way it first
kills every descendant until none is left. Its exit code is the command's, as a shell has it. All that it starts bears
MARK, a number, by which it is found from outside if this process itself is killed.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
RLIMIT_LOCKS = 10
SIGNAL_EXIT = 128
LOOK_AGAIN_S = 0.01
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    bind()
    put_mark(int(sys.argv[1]))
    try:
        runner = subprocess.Popen(sys.argv[2:])
        os.close(0)
        code = runner.wait()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sweep()
    os._exit(SIGNAL_EXIT - code if code < 0 else code)


def bind() -> None:
    """Become the one to whom orphans come, and who hears of the end of the thread that started this."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(SIGNAL_EXIT + signal.SIGKILL))
    for option, value in ((PR_SET_CHILD_SUBREAPER, 1), (PR_SET_PDEATHSIG, signal.SIGTERM)):
        if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
            sys.exit(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def put_mark(mark: int) -> None:
    """As a limit on file locks, which all that is started from here on inherits and nobody but root can raise."""
    try:
        resource.setrlimit(RLIMIT_LOCKS, (mark, mark))
    except ValueError as error:
        sys.exit(f"cannot mark the processes: {error}; is `ulimit -x` not unlimited?")


def sweep() -> None:
    """Kill and reap until this process has no child: each orphan of a killed one comes here and is found again."""
    while inside := descendants(os.getpid()):
        for pid in inside:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):  # gone, or it became somebody whom only root may kill
                continue
        reap()


def outlive(within_s: float) -> None:
    """Give the children that are left so long to end by themselves."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            time.sleep(LOOK_AGAIN_S)


def reap() -> None:
    try:
        os.wait()
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def descendants(root: int) -> list[int]:
    found, waiting = [], [root]
    while waiting:
        try:
            children = Path(f"/proc/{waiting[-1]}/task/{waiting.pop()}/children").read_text().split()
        except OSError:
            continue
        found += map(int, children)
        waiting += map(int, children)
    return found


if __name__ == "__main__":
    main()
