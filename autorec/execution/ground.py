"""What a sandbox is started for, before its job is known: the data that it mounts and what its folders may hold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from autorec.domain.job import Job
from autorec.execution.process import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The key of the warm pool: a spare serves any job on the same ground, and no other.

    `memory_bytes` and `processes` bound the tree where a tier must say so at the start; the rest of a job's limits
    come with the job.
    """

    data_dir: Path
    query_dir: Path
    disk_bytes: int
    inodes: int
    memory_bytes: int
    processes: int

    @classmethod
    def of(cls, job: Job) -> "Ground":
        limits = job.limits
        return cls(
            data_dir=Path(job.data_dir).resolve(),
            query_dir=Path(job.query_dir).resolve(),
            disk_bytes=limits.disk_bytes,
            inodes=limits.inodes,
            memory_bytes=limits.memory_bytes,
            processes=limits.processes,
        )


class Tier(Protocol):
    """One way to isolate. `name` stands in every outcome."""

    @property
    def name(self) -> str: ...

    def start(self, ground: Ground) -> Sandbox:
        """A sandbox on its way to being ready. Called from one thread that outlives all it starts.

        Raises IsolationError.
        """
        ...
