"""No isolation at all, for those who ask for it by name: a time limit, and every process killed at the end."""

import tempfile
from functools import partial
from pathlib import Path

from autorec.domain.job import NO_ISOLATION
from autorec.execution.disk import remove
from autorec.execution.ground import Ground
from autorec.execution.hold import Swept
from autorec.execution.mounts import Interpreter, keeper_command, runner_arguments
from autorec.execution.process import Sandbox


class Bare:
    """Implements `ground.Tier`. A candidate has the rights of whoever runs it; its results are never believed."""

    name = NO_ISOLATION

    def __init__(self) -> None:
        self._interpreter = Interpreter.current()

    def start(self, ground: Ground) -> Sandbox:
        """See `ground.Tier`. The job's folder is one of the machine's, removed afterwards. Raises IsolationError."""
        folder = Path(tempfile.mkdtemp(prefix="autorec-job-"))
        arguments = runner_arguments(
            self.name, self._interpreter, ground, job=folder, data=ground.data_dir, query=ground.query_dir
        )
        command = keeper_command(self._interpreter, arguments)
        return Sandbox(command, Swept, partial(remove, folder))
