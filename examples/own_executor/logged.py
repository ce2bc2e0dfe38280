"""An executor of one's own: the built-in sandbox, and a line in jobs.csv for each job that it ran.

Whatever runs candidates decides what is isolated from what. So an executor of one's own is attacked before each search
as a built-in one is, and refused where an attack succeeds; each result bears its name.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from autorec.domain.job import Job, Outcome
from autorec.ports import Executor, Observe


class LoggedExecutor:
    """Implements `autorec.ports.Executor`."""

    def __init__(self, open_built_in: Callable[[], Executor]) -> None:
        self._inner = open_built_in()  # raises where this machine offers no isolation
        self._lock = threading.Lock()
        self._file = Path("jobs.csv")
        self._file.write_text("candidate,kind,outcome,wall_s,memory_mib\n")

    def run(self, job: Job, observe: Observe) -> Outcome:
        """Run the job; called from several threads at a time."""
        outcome = self._inner.run(job, observe)
        used = outcome.usage
        with self._lock, self._file.open("a") as file:
            line = f"{job.candidate.id[:10]},{job.kind},{outcome.kind},{used.wall_s:.2f},{used.memory_bytes >> 20}"
            file.write(line + "\n")
        return outcome

    def close(self) -> None:
        """Kill whatever runs."""
        self._inner.close()
