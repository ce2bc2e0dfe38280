"""No isolation at all, for those who ask for it by name: a time limit, and every process killed at the end."""

from functools import partial

from autorec.domain.job import NO_ISOLATION
from autorec.execution.ground import Ground
from autorec.execution.hold import Swept
from autorec.execution.mounts import Interpreter, keeper_command, runner_arguments
from autorec.execution.process import Sandbox
from autorec.marks import mark_of
from autorec.scratch import drop_scratch, make_scratch


class Bare:
    """Implements `ground.Tier`. A candidate has the rights of whoever runs it; its results are never believed."""

    name = NO_ISOLATION

    def __init__(self) -> None:
        self._interpreter = Interpreter.current()

    def start(self, ground: Ground) -> Sandbox:
        """See `ground.Tier`. The job's folder is one of the machine's, removed afterwards. Raises IsolationError."""
        folder, lock = make_scratch()
        arguments = runner_arguments(
            self.name, self._interpreter, ground, job=folder, data=ground.data_dir, query=ground.query_dir
        )
        mark = mark_of(folder)
        command = keeper_command(self._interpreter, mark, arguments)
        return Sandbox(command, partial(Swept, mark), partial(drop_scratch, folder, lock))
