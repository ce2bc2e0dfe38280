"""Where cgroups are to be had, each job is inside one of its own, and none is left."""

from pathlib import Path

from attacks import LIMITS, needs_bubblewrap, training

from autorec.domain.job import OutcomeKind, Snapshot
from autorec.execution.bubblewrap import Bubblewrap
from autorec.execution.cgroup import Groups
from autorec.execution.executor import SandboxExecutor

pytestmark = needs_bubblewrap


SPAWNS = """
def fit(recommender, data, params, run):
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            signal.pause()
    deadline = time.process_time() + 0.3
    while time.process_time() < deadline:
        pass
    run.checkpoint(recommender)
"""


def test_a_job_runs_in_a_group_of_its_own(bundle: Path, cgroups: Groups) -> None:
    inside: list[int] = []

    def observe(_: Snapshot) -> bool:
        inside.extend(len((f / "cgroup.procs").read_text().split()) for f in jobs_of(cgroups))
        return False

    executor = SandboxExecutor(Bubblewrap(), groups=cgroups)
    outcome = executor.run(training(bundle, SPAWNS, LIMITS), observe)
    assert outcome.kind is OutcomeKind.COMPLETED, outcome
    assert outcome.usage.cpu_s > 0.3
    assert inside[0] >= 5  # bubblewrap, the candidate and its three children
    assert jobs_of(cgroups) == []
    executor.close()
    assert not cgroups.leaf.exists()


def jobs_of(groups: Groups) -> list[Path]:
    return [folder for folder in groups.base.glob("autorec-*") if folder != groups.leaf]
