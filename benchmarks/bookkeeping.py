"""What a candidate costs besides its training: propose by the policy (TPE), record, select, at 1,000 candidates.

Trainings are instant fakes; everything else is real: the search space, Optuna, SQLite and the object store on disk.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autorec.assets import assets
from autorec.domain.evaluation import Objective, Task
from autorec.domain.events import RunStarted
from autorec.journal import Journal
from autorec.proposers.policy import PolicyProposer
from autorec.proposers.space_code import SpaceCode
from autorec.schemas.space import load_space
from autorec.search import Pace, Search
from autorec.selection.choosers import TpeChoosers
from autorec.selection.study import NsgaSelector
from autorec.store.folder import RunFolder
from autorec.testing.loop import InstantTrainer, OneAtATime

TASK = Task(
    role="retrieval",
    data_name="none",
    data_digest="",
    split_rule="loo",
    split_digest="",
    sizes={"users": 1, "items": 1, "interactions": 1},
    objectives=(Objective(name="ndcg@10"),),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=1000)
    most = parser.parse_args().candidates
    spent: dict[str, list[float]] = {"propose": [], "record": [], "select": []}
    decided: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder.create(Path(scratch) / "run")
        journal = Journal(folder.events, (lambda event, state: decided.append(time.perf_counter()),))
        journal.record(RunStarted(task=TASK, seed=0, version="", config={}))
        file = assets("search_spaces") / "retrieval.yaml"
        space = load_space(file)
        policy = PolicyProposer(space, SpaceCode(space, file.parent), TpeChoosers())
        selector = NsgaSelector(objectives=TASK.objectives, constraints=(), size=4)
        timed(policy, "plan", spent["propose"])
        timed(journal, "record", spent["record"])
        timed(selector_shell := Shell(selector.select), "select", spent["select"])
        began = time.perf_counter()
        Search(
            journal=journal,
            inbox=folder.inbox,
            proposer=policy,
            train=InstantTrainer(folder.objects.put).train,
            selector=selector_shell,
            objects=folder.objects,
            crew=OneAtATime(),
            pace=Pace(workers=2, population=8, out_of_time=lambda: False, too_late=lambda: False, max_candidates=most),
        ).run()
        whole = time.perf_counter() - began
        late = min(100, most // 2)
        events = journal.state.seq * late // most  # of the last so many candidates
        at_the_end = (decided[-1] - decided[-events]) / late
        folder.close()
    print(f"machine  {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"all      {1e3 * whole / most:.1f} ms a candidate over {most}; {1e3 * at_the_end:.1f} ms over the last {late}"
    )
    for step, seconds in spent.items():
        tenth = sorted(seconds[-max(1, len(seconds) // 10) :])
        print(
            f"{step:<8} median {1e3 * statistics.median(tenth):.1f} ms, worst {1e3 * tenth[-1]:.1f} ms a call "
            "(last tenth)"
        )


class Shell:
    """A selector whose method can be timed."""

    def __init__(self, select: Callable[..., Any]) -> None:
        self.select = select


def timed(owner: Any, name: str, into: list[float]) -> None:
    """Note how long each call of a method takes."""
    call = getattr(owner, name)

    def clocked(*arguments: Any) -> Any:
        began = time.perf_counter()
        result = call(*arguments)
        into.append(time.perf_counter() - began)
        return result

    setattr(owner, name, clocked)


if __name__ == "__main__":
    main()
