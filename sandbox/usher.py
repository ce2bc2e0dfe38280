"""Stands between the trusted side and a runner in a container, where no socket can be inherited: brings it in.

    python -I -B -S usher.py FOLDER ENGINE NAME COMMAND ...

The control socket is standard input. COMMAND starts container NAME, with FOLDER's `control` mounted. The first who
connects to it is the runner, since no other code has run there yet: it gets the control socket itself, the path is gone
from then on, and its process number stands in FOLDER's `pid`. Ends with the command, with its exit code; at SIGTERM,
which also comes when the thread that started it dies, the container is removed first.
"""

import os
import select
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import keeper

EVERYONE = 0o666  # who the runner is to the machine depends on the engine; the folder around is closed
PATIENCE_S, CLEANING_UP_S = 10, 5


def main() -> None:
    folder, engine, name, *command = sys.argv[1:]
    keeper.bind()
    ended = False
    try:
        with listening(Path(folder, "control")) as listener:
            started = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            if wait_for(listener, started):
                hand_over(listener, Path(folder, "pid"))
            Path(folder, "control").unlink()
        os.close(0)
        code = started.wait()
        ended = True
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if not ended:
            subprocess.run([engine, "rm", "--force", name], capture_output=True, check=False, timeout=PATIENCE_S)
        keeper.outlive(CLEANING_UP_S)  # an engine that is killed while it removes a container leaves half of it
        keeper.sweep()
    os._exit(keeper.SIGNAL_EXIT - code if code < 0 else code)


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    path.chmod(EVERYONE)
    listener.listen(1)
    return listener


def wait_for(listener: socket.socket, started: "subprocess.Popen[bytes]") -> bool:
    """Whether somebody connects before the command has ended."""
    handle = os.pidfd_open(started.pid)
    try:
        ready, _, _ = select.select([listener, handle], [], [])
    finally:
        os.close(handle)
    return listener in ready


def hand_over(listener: socket.socket, number: Path) -> None:
    connection, _ = listener.accept()
    with connection:
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        number.write_text(str(struct.unpack("3i", credentials)[0]))
        socket.send_fds(connection, [b"control"], [0])


if __name__ == "__main__":
    main()
