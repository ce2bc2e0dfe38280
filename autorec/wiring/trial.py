"""Trainings without a run, in a temporary folder: one candidate alone, or the baselines."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from autorec.batch import carry_out
from autorec.domain.budget import baselines_in_time, training_share
from autorec.domain.candidate import Candidate
from autorec.domain.control import Control
from autorec.domain.evaluation import Trained
from autorec.domain.job import Stage
from autorec.domain.seeds import baseline_seed
from autorec.schemas.config import SearchConfig
from autorec.scratch import scratch_folder
from autorec.wiring.arena import Arena, isolated_executor, open_arena
from autorec.wiring.integrity import demand
from autorec.wiring.own import read_own
from autorec.wiring.spaces import open_space
from autorec.wiring.task import load_data, settle

Hear = Callable[[tuple[Control, ...]], None]
"""Told which controls of split and judge have held, before anything is trained."""

PASSABLE = 0o711
"""Others get to what is open to them inside, as the users that root gives itself up for must; they see no names."""


def _unheard(controls: tuple[Control, ...]) -> None:
    """Those that hold need nobody's attention."""


@contextmanager
def trial_arena(config: SearchConfig, hear: Hear, *, spares: int = 0) -> Iterator[Arena]:
    """An arena without a run, in a temporary folder: for one candidate alone, or for the baselines.

    Split and judge are tried as a search tries them. Raises IntegrityError where a control does not hold.
    """
    from autorec.store.objects import ObjectFolder

    config = settle(config)
    own = read_own(config)
    material = load_data(config)
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder())
        folder.chmod(PASSABLE)
        executor = isolated_executor(stack, config, spares=spares)
        objects = ObjectFolder(folder / "objects")
        arena = open_arena(
            config,
            material,
            executor=executor,
            objects=objects,
            secret=secrets.token_bytes(32),
            folder=folder / "work",
            training_s=config.training or training_share(config.budget),
            own=own,
        )
        hear(demand((*material.probes(), *arena.integrity.controls())))
        yield arena


def read_candidate(folder: Path | str) -> Candidate:
    """A person's candidate: model.py, train.py and what else the folder holds.

    Raises UsageError where that is no candidate.
    """
    from autorec.proposers.human import read_seed_code

    return Candidate.of(read_seed_code(Path(folder)))


def evaluate_candidate(candidate: Candidate, config: SearchConfig, hear: Hear = _unheard) -> tuple[Trained, str]:
    """One candidate, trained once and judged on *select*; also what it printed.

    Raises IntegrityError where split or judge cannot be believed.
    """
    with trial_arena(config, hear) as arena:
        trained = arena.trainer.inner.train(candidate, Stage.SEARCH, config.seed)
        log = arena.trainer.objects.get(trained.log).decode(errors="replace") if trained.log else ""
    return trained, log


def choose_in_time(config: SearchConfig) -> tuple[SearchConfig, tuple[str, ...]]:
    """The configuration with the baselines to measure, and the names of those that its budget leaves out.

    Where none are named, all designs of the search space are; what is named is measured whatever it takes.
    """
    if config.baselines:
        return settle(config), ()
    space = open_space(config)
    chosen = baselines_in_time(
        space.names,
        space.until_time_is_up(space.names),
        budget_s=config.budget,
        training_s=config.training or training_share(config.budget),
        workers=config.workers,
    )
    left_out = tuple(name for name in space.names if name not in chosen)
    return settle(config.model_copy(update={"baselines": chosen})), left_out


def measure_baselines(
    config: SearchConfig, report: Callable[[str, Trained], None], hear: Hear = _unheard
) -> dict[str, tuple[Trained, ...]]:
    """Train each baseline, or recall it; judge on *select* and *confirm*. The test stays sealed.

    Raises IntegrityError where split or judge cannot be believed.
    """
    from autorec.execution.crew import ThreadCrew

    done: dict[str, tuple[Trained, ...]] = {}
    with trial_arena(config, hear, spares=config.warm) as arena:
        calls = ((name, partial(_measure, arena, candidate)) for name, candidate in arena.baselines.items())
        for name, trained in carry_out(ThreadCrew(), calls, at_once=config.workers):
            done[str(name)] = trained
            report(str(name), trained[0])
    return {name: done[name] for name in arena.baselines}


def _measure(arena: Arena, candidate: Candidate) -> tuple[Trained, ...]:
    trained = arena.trainer.train(candidate, Stage.SEARCH, baseline_seed(candidate.id, Stage.SEARCH))
    return (trained, arena.trainer.predict(candidate, Stage.FINALIST, trained)) if trained.ok else (trained,)
