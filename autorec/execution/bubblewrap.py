"""The default tier: a bubblewrap sandbox."""

import os
import shutil
import stat
from pathlib import Path

from autorec.domain.errors import IsolationError
from autorec.execution.filters import require_filter
from autorec.execution.ground import Ground
from autorec.execution.hold import PidNamespace
from autorec.execution.mounts import Identity, Interpreter, sandbox_command
from autorec.execution.process import Sandbox
from autorec.execution.uids import free_uid

INSTALL = "sudo apt-get install bubblewrap (not pip: the package of that name there is another one)"


class Bubblewrap:
    """Implements `ground.Tier`.

    As root, root builds the mounts and the processes inside run under a uid of their own (64000 and on), one for
    each sandbox; as an ordinary user, an unprivileged user namespace does the same. Kernel uid 0 never runs inside.
    """

    name = "bwrap"

    def __init__(self, bwrap: Path | None = None) -> None:
        """Raises IsolationError where there is no bubblewrap that may be used, or no filter of system calls."""
        self._bwrap = bwrap or find_bwrap()
        require_filter("walled")
        self._interpreter = Interpreter.current()

    def start(self, ground: Ground) -> Sandbox:
        """See `ground.Tier`. Raises IsolationError."""
        identity = Identity(drop_to=free_uid() if os.getuid() == 0 else None)
        command = sandbox_command(bwrap=self._bwrap, interpreter=self._interpreter, identity=identity, ground=ground)
        return Sandbox(command, PidNamespace)


def find_bwrap() -> Path:
    """The system's bubblewrap. Raises IsolationError where it is missing or setuid."""
    found = shutil.which("bwrap")
    if found is None:
        raise IsolationError("bubblewrap is not installed: there is no bwrap on PATH", fix=INSTALL)
    bwrap = Path(found).resolve()
    if bwrap.stat().st_mode & stat.S_ISUID:
        raise IsolationError(f"{bwrap} is setuid root, which widens what a candidate can attack",
                             fix=f"sudo chmod u-s {bwrap}")  # fmt: skip
    return bwrap
