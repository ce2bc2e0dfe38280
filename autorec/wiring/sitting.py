"""One process at work on one run: beginning it, going on with it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from autorec import __version__
from autorec.domain import events as ev
from autorec.domain.budget import TimePlan
from autorec.domain.candidate import Operator, Plan
from autorec.domain.errors import RunError, UsageError
from autorec.domain.evaluation import Trained
from autorec.domain.job import Part, Stage
from autorec.domain.state import State
from autorec.evaluation import Timed
from autorec.finals import Finals
from autorec.journal import Journal, Listener
from autorec.ports import Executor
from autorec.schemas.config import SearchConfig
from autorec.schemas.model_names import REPLAY, folder_of
from autorec.search import Pace, Search, enter_baseline
from autorec.tasks.roles import Material
from autorec.wiring.arena import (
    Arena,
    environment,
    home,
    isolated_executor,
    open_arena,
)
from autorec.wiring.integrity import demand
from autorec.wiring.limits import training_limits
from autorec.wiring.memory import recall, remember
from autorec.wiring.models import open_models, reopen_models
from autorec.wiring.own import Own, read_again, read_own, try_prompts
from autorec.wiring.pausing import end_pause
from autorec.wiring.seeds import read_seeds
from autorec.wiring.shelf import Shelf
from autorec.wiring.spaces import open_space
from autorec.wiring.stored import first_event, lay_out_sources, refuse_replay, stored_config
from autorec.wiring.task import load_data, make_task, settle, time_plan
from autorec.wiring.writers import open_writers, own_writers

if TYPE_CHECKING:
    from autorec.llm.client import LLMClient
    from autorec.store.events import EventTable
    from autorec.store.folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """One process at work on one run. `notes` tell people what has changed since it began."""

    config: SearchConfig
    folder: "RunFolder"
    journal: Journal
    arena: Arena
    search: Search
    finals: Finals
    plan: TimePlan
    notes: tuple[str, ...] = ()

    def work(self) -> State:
        """Search, judge the finalists, open the test; take up wherever the run stands.

        A writer that was out is asked once more: a person may have mended what was wrong.
        """
        if self.journal.state.search_ended is None:
            for writer in [name for name, fault in self.journal.state.faults.items() if not fault.tried_again]:
                self.journal.record(ev.TriedAgain(writer=writer))
        for name, candidate in self.arena.baselines.items():
            plan = Plan(proposer="baselines", operator=Operator.BASELINE, seed=0, design=self.arena.designs[name])
            enter_baseline(self.journal, self.folder.objects, name, candidate, plan)
        if self.journal.state.resting:
            self.folder.events.rest()
        self.search.run()
        self.finals.run()
        return self.journal.state

    def lay_out_champion(self) -> dict[str, str]:
        """Write the champion's files under `champion/`, and its test predictions beside; returns the files."""
        state = self.journal.state
        files = lay_out_sources(self.folder, state)
        final = state.records[state.champion].final(Stage.FINAL) if state.champion else None
        if final and final.predictions:
            text = self.arena.material.as_csv(Part.TEST, self.folder.objects.get(final.predictions))
            (self.folder.path / self.arena.role.predictions_file).write_text(text, encoding="utf-8")
        return files

    @property
    def worked_s(self) -> float:
        """Wall clock of all sittings so far, this one included; rests do not count."""
        return self.folder.events.worked_until_now_s()


@contextmanager
def begin(config: SearchConfig, path: Path | str, listeners: tuple[Listener, ...] = ()) -> Iterator[Sitting]:
    """A new run at `path`. One that cannot begin leaves no folder behind.

    Raises DataError, IsolationError, ModelError, UsageError, RunError, StoreError.
    """
    from autorec.store.folder import RunFolder

    began = time.monotonic()
    if folder_of(config.llm, REPLAY) and not config.retrain:
        raise UsageError("a recording is not searched with, it is played", fix="use autorec.replay(config, path)")
    config = settle(config)
    own_writers(config)
    own = read_own(config)
    training_s = time_plan(config, open_space(config, own.search_space)).training_s
    config = config.model_copy(update={"training": training_s})
    material = load_data(config)
    task = make_task(config, material)
    try_prompts(config, own, task, training_limits(config, material, training_s))
    seeds = read_seeds(config)
    lessons = recall(config.memory, task.role, task.data_digest)
    models = open_models(config)
    with ExitStack() as stack:
        executor = isolated_executor(stack, config, spares=config.warm)
        folder = RunFolder.create(Path(path))
        stack.callback(folder.close)
        stack.callback(executor.close)  # before the lock is freed: nothing writes after
        stored = config.model_dump(mode="json") | {"seed_sources": seeds, "own": own.as_json()}
        started = ev.RunStarted(
            task=task,
            seed=config.seed,
            version=__version__,
            config=stored,
            hypotheses=config.hypotheses,
            approve=config.approve,
            environment=environment(),
            lessons=lessons,
        )
        try:
            shelf = Shelf(folder.objects, keep_all=config.keep_weights == "all")
            journal = Journal(folder.events, (partial(_rest, folder.events), *listeners, shelf.listen))
            journal.record(started)
            sitting = _sit_down(config, material, folder, shelf, journal, executor, seeds, models, own, began)
            manifest = json.dumps(material.split.manifest(), indent=2) + "\n"
            (folder.path / "split.json").write_text(manifest, encoding="utf-8")
        except BaseException:
            folder.discard()
            raise
        try:
            yield sitting
        finally:
            remember(config.memory, folder, journal.state)


@contextmanager
def resume(path: Path | str, listeners: tuple[Listener, ...] = (), budget_s: float | None = None) -> Iterator[Sitting]:
    """Go on with the run at `path`; `budget_s` replaces the budget that it was given.

    A language model that cannot be used now is no reason to refuse, as it is at the beginning: the first ask records
    the fault, and the others go on. Where the search is over, none is opened. A run that was paused goes on as well.

    Raises RunError when it is no run, in use, or its data has changed since.
    """
    from autorec.store.folder import RunFolder

    began = time.monotonic()
    with ExitStack() as stack:
        folder = RunFolder.open(Path(path), write=True)
        stack.callback(folder.close)
        refuse_replay(folder)
        started = first_event(folder)
        config, seeds, kept = stored_config(folder)
        config = config if budget_s is None else config.model_copy(update={"budget": budget_s})
        own, changes = read_again(config, kept)
        material = load_data(config)
        _refuse_change(path, "data", material.data.digest, started.task.data_digest)
        _refuse_change(path, "split", material.split.digest, started.task.split_digest)
        shelf = Shelf(folder.objects, keep_all=config.keep_weights == "all")
        journal = Journal(folder.events, (partial(_rest, folder.events), *listeners, shelf.listen))
        executor = isolated_executor(stack, config, spares=config.warm)
        over = journal.state.search_ended is not None
        models = {} if over else reopen_models(config, journal.state.spent)
        sitting = _sit_down(config, material, folder, shelf, journal, executor, seeds, models, own, began)
        if end_pause(folder, journal.state):
            changes = (*changes, "the run was paused, and goes on now")
        try:
            yield replace(sitting, notes=changes)
        finally:
            remember(config.memory, folder, journal.state)


def _refuse_change(path: Path | str, what: str, found: str, expected: str) -> None:
    if found != expected:
        raise RunError(
            f"the {what} of {path} has changed since the run began: digest {found[:12]}, expected {expected[:12]}",
            fix="put the original file back, or begin a new run",
        )


def _sit_down(
    config: SearchConfig,
    material: Material,
    folder: "RunFolder",
    shelf: Shelf,
    journal: Journal,
    executor: Executor,
    seeds: Mapping[str, Mapping[str, str]],
    models: "Mapping[str, LLMClient]",
    own: Own,
    began: float,
) -> Sitting:
    from autorec.execution.crew import ThreadCrew
    from autorec.judging.evidence import compare
    from autorec.judging.ledger import TestLedger
    from autorec.selection.study import NsgaSelector

    shelf.clear(journal.state)
    folder.events.begin_sitting(time.monotonic() - began)
    plan = time_plan(config, open_space(config, own.search_space), goes_on=True)
    arena = open_arena(
        config,
        material,
        executor=executor,
        objects=shelf,
        secret=folder.secret,
        folder=folder.fresh_work(),
        training_s=plan.training_s,
        own=own,
        known=lambda: journal.latest,
    )
    _check(journal, arena)
    trainer = Timed(inner=arena.trainer, clock=time.monotonic)
    worked_s = folder.events.worked_now_s

    def late(*, hope: bool) -> bool:
        rivals = _likely_in_finals(journal.state, plan.finalists)
        return worked_s() > plan.last_start_s(rivals, hope=hope)

    search = Search(
        journal=journal,
        inbox=folder.inbox,
        proposer=open_writers(config, arena, folder.objects, seeds, models, own),
        train=trainer.train,
        selector=NsgaSelector(
            objectives=arena.task.objectives,
            constraints=arena.task.constraints,
            size=config.survivors,
        ),
        objects=folder.objects,
        crew=ThreadCrew(),
        pace=Pace(
            workers=config.workers,
            population=config.population,
            out_of_time=partial(late, hope=True),
            too_late=partial(late, hope=False),
            max_candidates=config.max_candidates,
        ),
    )
    ledger = TestLedger(home() / "ledger.db")

    def open_test() -> int:
        opening = ledger.open(
            material.data.source_digest or material.data.digest, arena.task.split_digest, folder.run_id
        )
        arena.judge.unseal(opening)
        return opening.count

    finals = Finals(
        journal=journal,
        objects=folder.objects,
        trainer=trainer,
        crew=ThreadCrew(),
        workers=config.workers,
        finalists=plan.finalists,
        time_left_s=lambda: plan.budget_s - worked_s(),
        open_test=open_test,
        settle=search.settle,
        compare=partial(compare, seed=config.seed),
        at_chance=lambda digest, candidate: arena.integrity.at_chance(folder.objects.get(digest), candidate),
    )
    return Sitting(
        config=config,
        folder=folder,
        journal=journal,
        arena=arena,
        search=search,
        finals=finals,
        plan=plan,
    )


def _rest(events: "EventTable", event: ev.Event, state: State) -> None:
    """A listener: while the run waits for people alone, its clock stands still."""
    if state.resting:
        events.rest()


def _check(journal: Journal, arena: Arena) -> None:
    """Try split and judge whenever work begins; what is found is the same each time, and recorded once.

    Raises IntegrityError.
    """
    found = demand((*arena.material.probes(), *arena.integrity.controls()))
    if not journal.state.controls:
        journal.record(ev.Checked(controls=found))


def _likely_in_finals(state: State, finalists: int) -> list[Trained]:
    """Trainings of the baselines and of who leads the survivors now, cached ones apart: those took no time here."""
    records = (*state.baselines, *state.survivors[:finalists])
    return [r.search for r in records if r.search is not None and not r.search.cached]
