"""The tiers as tests start them, on machines where root's interpreter is closed to others."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from autorec.domain.errors import IsolationError
from autorec.domain.job import NO_ISOLATION
from autorec.execution.bare import Bare
from autorec.execution.bubblewrap import Bubblewrap
from autorec.execution.container import Container
from autorec.execution.ground import Tier
from autorec.execution.landlock import Landlock
from autorec.execution.mounts import Interpreter
from autorec.execution.uids import require_open


def make_tier(name: str) -> Tier:
    """The tier of that name. Raises IsolationError where this machine cannot have it."""
    makes: dict[str, Callable[[], Tier]] = {
        "container": Container,
        "bwrap": Bubblewrap,
        "landlock": lambda: Landlock(open_interpreter()),
        NO_ISOLATION: Bare,
    }
    return makes[name]()


def open_interpreter() -> Interpreter:
    """The running interpreter, or the system's with the same packages where only the latter is open to every user.

    Raises IsolationError where neither is.
    """
    current = Interpreter.current()
    system = shutil.which("python3", path="/usr/bin")
    try:
        require_open((current.executable, *current.site))
    except IsolationError:
        if system is None or not _same_version(system):
            raise
    else:
        return current
    require_open(current.site)
    return Interpreter(executable=Path(system).resolve(), base=Path("/usr"), site=current.site)


def _same_version(python: str) -> bool:
    script = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    return subprocess.run([python, "-I", "-c", script], check=False).returncode == 0
