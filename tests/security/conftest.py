"""A sandbox, a bundle, and `attack`, which runs a training script in them and says what came of it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attacks import LIMITS, Attack, Attacked, training

from autorec.domain.job import Limits, Snapshot
from autorec.execution.bubblewrap import Bubblewrap
from autorec.execution.canaries import open_to_all, write_bundle
from autorec.execution.executor import SandboxExecutor


@pytest.fixture(scope="module")
def executor() -> Iterator[SandboxExecutor]:
    made = SandboxExecutor(Bubblewrap())
    yield made
    made.close()


@pytest.fixture(scope="module")
def bundle() -> Iterator[Path]:
    """Not in pytest's folder, which is closed to the users that root gives itself up for."""
    with TemporaryDirectory(prefix="autorec-bundle-") as name:
        folder = Path(name)
        write_bundle(folder)
        open_to_all(folder)
        yield folder


@pytest.fixture
def attack(executor: SandboxExecutor, bundle: Path) -> Attack:
    def run(train: str, *, limits: Limits = LIMITS, expect_ran: bool = True) -> Attacked:
        snapshots: list[Snapshot] = []

        def observe(snapshot: Snapshot) -> bool:
            snapshots.append(snapshot)
            return False

        outcome = executor.run(training(bundle, train, limits), observe)
        assert not expect_ran or outcome.log.startswith("RAN"), f"the attack never ran: {outcome}"
        return Attacked(outcome, snapshots)

    return run
