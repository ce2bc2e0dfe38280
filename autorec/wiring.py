"""Builds a run from a configuration: the one place where adapters meet, for the command line and the API alike."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from autorec import __version__
from autorec.assets import assets
from autorec.domain import events as ev
from autorec.domain.budget import TimePlan, plan_time
from autorec.domain.candidate import Candidate, Operator, Plan
from autorec.domain.errors import RunError, UsageError
from autorec.domain.evaluation import Task, Trained
from autorec.domain.job import MEBIBYTE, Limits, Part, Stage
from autorec.domain.seeds import baseline_seed
from autorec.domain.state import State
from autorec.evaluation import Bundles, Trainer
from autorec.finals import Finals
from autorec.journal import Journal, Listener
from autorec.ports import Executor, Objects, Proposer
from autorec.schemas.config import SearchConfig
from autorec.search import Pace, Search, enter_baseline

if TYPE_CHECKING:
    from autorec.judging.ground import Ground
    from autorec.judging.judge import RankingJudge
    from autorec.llm.client import LLMClient
    from autorec.proposers.space_code import SpaceCode
    from autorec.schemas.space import SearchSpace
    from autorec.store.baselines import BaselineCache
    from autorec.store.folder import RunFolder
    from autorec.tasks.bundle import Permutation
    from autorec.tasks.datasets import Dataset
    from autorec.tasks.splits import Split

BASELINES = ("pop", "itemknn", "ease", "ease_recency", "sasrec")
SLOW_BASELINES = 1
"""How many of the baselines use their whole training time (sasrec)."""

HELD_OUT = (Part.SELECT, Part.CONFIRM, Part.TEST)


def home() -> Path:
    """Where what outlives a run is kept: the ledger of test openings and the cache of baselines."""
    import platformdirs

    return Path(os.environ.get("AUTOREC_HOME") or platformdirs.user_state_path("autorec"))


def load_data(config: SearchConfig) -> "tuple[Dataset, Split]":
    """The configured log, or the synthetic world where none is given, and its split.

    Raises DataError.
    """
    from autorec.tasks.splits import split

    if config.data is None:
        from autorec.tasks.synthetic import SyntheticWorld, generate

        dataset = generate(SyntheticWorld(seed=config.split_seed)).dataset
    else:
        from autorec.tasks.readers import load

        dataset = load(config.data, columns=config.columns or None)
    return dataset, split(dataset, rule=config.split, seed=config.split_seed)


def make_task(config: SearchConfig, dataset: "Dataset", split: "Split") -> Task:
    """What the run is about.

    Raises UsageError for an objective whose cutoff is longer than the catalogue.
    """
    n_items = dataset.n_items
    for objective in config.task_objectives():
        cutoff = objective.name.partition("@")[2]
        if cutoff and int(cutoff) > n_items:
            raise UsageError(
                f"objectives: {objective.name} asks for the top {cutoff}, but the catalogue has {n_items} items",
                fix=f"use a cutoff of at most {n_items}",
            )
    return Task(
        role=config.role,
        data_name=dataset.name,
        data_digest=dataset.digest,
        split_rule=split.rule,
        split_digest=split.digest,
        n_users=dataset.n_users,
        n_items=n_items,
        n_interactions=dataset.n_interactions,
        objectives=config.task_objectives(),
        constraints=config.task_constraints(),
        top_k=min(n_items, max(config.top_k, *config.cutoffs())),
    )


def time_plan(config: SearchConfig) -> TimePlan:
    """How the budget is divided."""
    return plan_time(
        config.budget,
        workers=config.workers,
        finalists=config.finalists,
        baselines=len(BASELINES),
        slow_baselines=SLOW_BASELINES,
        training_s=config.training,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """One task, ready to train and judge candidates on."""

    dataset: "Dataset"
    split: "Split"
    task: Task
    judge: "RankingJudge"
    trainer: "BaselineCache"
    space: "SearchSpace"
    code: "SpaceCode"
    baselines: Mapping[str, Candidate]


def open_arena(
    config: SearchConfig,
    data: "tuple[Dataset, Split]",
    *,
    executor: Executor,
    objects: Objects,
    secret: bytes,
    folder: Path,
) -> Arena:
    """Write the bundles under `folder` and bring judge, executor and cache of baselines together."""
    from autorec.judging.judge import RankingJudge
    from autorec.proposers.space_code import SpaceCode
    from autorec.schemas.space import load_space
    from autorec.store.baselines import BaselineCache
    from autorec.store.objects import ObjectFolder
    from autorec.tasks.bundle import Permutation

    dataset, split = data
    task = make_task(config, dataset, split)
    space_file = assets("search_spaces") / f"{config.search_space}.yaml"
    space = load_space(space_file)
    code = SpaceCode(space, space_file.parent)
    baselines = {name: Candidate.of(code.render(space.named(name))) for name in BASELINES}
    permutation = Permutation.of(secret, task.n_users, task.n_items)
    limits = training_limits(config, time_plan(config).training_s)
    judge = RankingJudge(
        ground=_grounds(dataset, split),
        user_permutation=permutation.users,
        item_permutation=permutation.items,
        n_items=task.n_items,
        cutoffs=tuple(k for k in config.cutoffs() if k <= task.top_k),
        primary=task.primary.name,
        top_k=task.top_k,
    )
    trainer = Trainer(
        executor=executor,
        judge=judge,
        objects=objects,
        bundles=_write_bundles(dataset, split, permutation, folder),
        limits=limits,
        objective=task.primary,
        top_k=task.top_k,
        patience=config.patience,
    )
    cache = BaselineCache(
        inner=trainer,
        baselines=frozenset(c.id for c in baselines.values()),
        folder=home() / "baselines",
        kept=ObjectFolder(home() / "objects"),
        objects=objects,
        context={
            "version": __version__,
            "data": task.data_digest,
            "split": task.split_digest,
            "objectives": list(config.objectives),
            "top_k": task.top_k,
            "training_s": limits.training_s,
            "patience": config.patience,
        },
    )
    return Arena(
        dataset=dataset,
        split=split,
        task=task,
        judge=judge,
        trainer=cache,
        space=space,
        code=code,
        baselines=baselines,
    )


def training_limits(config: SearchConfig, training_s: float) -> Limits:
    """What one job may use; the wall clock leaves room for validations and a slow last epoch."""
    memory = config.max_memory_mb * MEBIBYTE
    return Limits(training_s=training_s, wall_s=2 * training_s + 60, memory_bytes=memory)


def _grounds(dataset: "Dataset", split: "Split") -> "Callable[[Part], Ground]":
    from autorec.judging.ground import Ground
    from autorec.tasks.holdouts import ground as hold_out

    def ground(part: Part) -> Ground:
        held = hold_out(dataset, split, part)
        return Ground(
            users=held.users,
            indptr=held.indptr,
            items=held.items,
            seen_indptr=held.seen_indptr,
            seen_items=held.seen_items,
            warm=held.warm,
            item_counts=held.item_counts,
        )

    return ground


def _write_bundles(dataset: "Dataset", split: "Split", permutation: "Permutation", folder: Path) -> Bundles:
    from autorec.tasks.bundle import write_query, write_training

    data, queries = {}, {}
    for stage in (Stage.SEARCH, Stage.FINAL):
        target = folder / f"data-{'-'.join(stage.trained_on)}"
        write_training(dataset, split, permutation, stage.trained_on, target)
        data[stage.trained_on] = str(target)
    for part in HELD_OUT:
        target = folder / f"query-{part}"
        write_query(dataset, split, permutation, part, target)
        queries[part] = str(target)
    return Bundles(data=data, queries=queries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """One process at work on one run."""

    config: SearchConfig
    folder: "RunFolder"
    journal: Journal
    arena: Arena
    search: Search
    finals: Finals
    plan: TimePlan

    def work(self) -> State:
        """Search, judge the finalists, open the test; take up wherever the run stands."""
        for name, candidate in self.arena.baselines.items():
            plan = Plan(proposer="baselines", operator=Operator.BASELINE, seed=0, design=self.arena.space.named(name))
            enter_baseline(self.journal, self.folder.objects, name, candidate, plan)
        self.search.run()
        self.finals.run()
        return self.journal.state

    def lay_out_champion(self) -> dict[str, str]:
        """Write the champion's files and its test recommendations under `champion/`; returns the files."""
        state = self.journal.state
        if state.champion is None:
            return {}
        files = dict(Candidate.from_bytes(self.folder.objects.get(state.champion)).files)
        final = state.records[state.champion].final(Stage.FINAL)
        recommendations = self._recommendations(final.predictions) if final and final.predictions else ""
        self.folder.write_champion(files | ({"recommendations.csv": recommendations} if recommendations else {}))
        return files

    def _recommendations(self, digest: str) -> str:
        from autorec.tasks.recommendations import as_csv

        return as_csv(self.arena.dataset, self.arena.split, Part.TEST, self.folder.objects.get(digest))

    @property
    def worked_s(self) -> float:
        """Wall clock of all sittings so far, this one included."""
        self.folder.events.touch_sitting()
        return self.folder.events.worked_s()


@contextmanager
def begin(config: SearchConfig, path: Path | str, listeners: tuple[Listener, ...] = ()) -> Iterator[Sitting]:
    """A new run at `path`. Whatever can be refused is refused before the folder is made.

    Raises DataError, IsolationError, ModelError, UsageError, RunError, StoreError.
    """
    from autorec.store.folder import RunFolder

    began = time.monotonic()
    data = load_data(config)
    task = make_task(config, *data)
    seeds = _read_seeds(config)
    client = _open_client(config)
    with ExitStack() as stack:
        executor = _open_executor(stack)
        folder = RunFolder.create(Path(path))
        stack.callback(folder.close)
        stored = config.model_dump(mode="json") | {"seed_sources": seeds}
        started = ev.RunStarted(
            task=task, seed=config.seed, version=__version__, config=stored, hypotheses=config.hypotheses
        )
        try:
            journal = Journal(folder.events, listeners)
            journal.record(started)
            sitting = _sit_down(config, data, folder, journal, executor, seeds, client, began)
        except BaseException:
            folder.discard()
            raise
        yield sitting


@contextmanager
def resume(path: Path | str, listeners: tuple[Listener, ...] = (), budget_s: float | None = None) -> Iterator[Sitting]:
    """Go on with the run at `path`; `budget_s` replaces the budget that it was given.

    Raises RunError when it is no run, in use, or its data has changed since.
    """
    from autorec.store.folder import RunFolder

    began = time.monotonic()
    with ExitStack() as stack:
        folder = RunFolder.open(Path(path), write=True)
        stack.callback(folder.close)
        started = next(folder.events.read(upto=1), None)
        if not isinstance(started, ev.RunStarted):
            raise RunError(f"{path} was never fully begun", fix="remove it and begin a new run")
        stored = dict(started.config)
        seeds = stored.pop("seed_sources", {})
        config = SearchConfig.model_validate(stored)
        config = config if budget_s is None else config.model_copy(update={"budget": budget_s})
        data = load_data(config)
        if (data[0].digest, data[1].digest) != (started.task.data_digest, started.task.split_digest):
            raise RunError(
                f"the data of {path} has changed since the run began: digest {data[0].digest[:12]}, "
                f"expected {started.task.data_digest[:12]}",
                fix="put the original file back, or begin a new run",
            )
        journal = Journal(folder.events, listeners)
        client = _open_client(config, journal.state.spent.usd)
        executor = _open_executor(stack)
        yield _sit_down(config, data, folder, journal, executor, seeds, client, began)


def _sit_down(
    config: SearchConfig,
    data: "tuple[Dataset, Split]",
    folder: "RunFolder",
    journal: Journal,
    executor: Executor,
    seeds: Mapping[str, Mapping[str, str]],
    client: "LLMClient | None",
    began: float,
) -> Sitting:
    from autorec.execution.crew import ThreadCrew
    from autorec.judging.evidence import compare
    from autorec.judging.ledger import TestLedger
    from autorec.selection.study import NsgaSelector

    folder.events.begin_sitting()
    plan = time_plan(config)
    arena = open_arena(
        config,
        data,
        executor=executor,
        objects=folder.objects,
        secret=folder.secret,
        folder=folder.fresh_work(),
    )
    deadline = began - folder.events.worked_s() + plan.last_start_s
    crew = ThreadCrew()
    search = Search(
        journal=journal,
        proposer=_proposers(config, arena, folder.objects, seeds, client, plan.training_s),
        train=arena.trainer.train,
        selector=NsgaSelector(
            objectives=arena.task.objectives,
            constraints=arena.task.constraints,
            size=config.survivors,
        ),
        objects=folder.objects,
        crew=crew,
        pace=Pace(
            workers=config.workers,
            population=config.population,
            out_of_time=lambda: time.monotonic() > deadline,
            max_candidates=config.max_candidates,
        ),
    )
    ledger = TestLedger(home() / "ledger.db")

    def open_test() -> int:
        opening = ledger.open(arena.task.data_digest, arena.task.split_digest, folder.run_id)
        arena.judge.unseal(opening)
        return opening.count

    finals = Finals(
        journal=journal,
        objects=folder.objects,
        trainer=arena.trainer,
        crew=crew,
        workers=config.workers,
        finalists=config.finalists,
        open_test=open_test,
        compare=partial(compare, seed=config.seed),
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


def _proposers(
    config: SearchConfig,
    arena: Arena,
    objects: Objects,
    seeds: Mapping[str, Mapping[str, str]],
    client: "LLMClient | None",
    training_s: float,
) -> Proposer:
    from autorec.proposers.human import HumanProposer
    from autorec.proposers.policy import PolicyProposer
    from autorec.proposers.rotation import Rotation
    from autorec.selection.choosers import TpeChoosers, random_chooser

    choose = TpeChoosers() if config.chooser == "tpe" else (lambda state, seed: random_chooser(seed))
    then: dict[str, Proposer] = {"policy": PolicyProposer(arena.space, arena.code, choose)}
    if client is not None:
        from autorec.prompting.render import Templates
        from autorec.proposers.llm import LLMProposer

        then = {
            "llm": LLMProposer(
                client=client,
                templates=Templates(assets("prompts")),
                objects=objects,
                limits=training_limits(config, training_s),
                max_usd=config.max_usd,
            ),
            **then,
        }
    return Rotation(first={"human": HumanProposer(seeds)}, then=then)


def _read_seeds(config: SearchConfig) -> dict[str, dict[str, str]]:
    from autorec.proposers.human import read_seed_code

    return {str(folder): read_seed_code(folder) for folder in config.seed_code}


def _open_client(config: SearchConfig, spent_usd: float = 0.0) -> "LLMClient | None":
    if config.llm is None:
        for name, given in (
            ("hypothesis", config.hypotheses),
            ("max_usd", config.max_usd),
            ("api_base", config.api_base),
        ):
            if given:
                raise UsageError(f"{name} needs a language model, and none is given", fix="add --llm provider/model")
        return None
    from autorec.llm.open import open_client
    from autorec.llm.prices import Price

    client = open_client(
        config.llm,
        api_base=config.api_base,
        prices={name: Price(input=p.input, output=p.output) for name, p in config.prices.items()},
        max_usd=config.max_usd,
        spent_usd=spent_usd,
    )
    client.check()
    return client


def _open_executor(stack: ExitStack) -> Executor:
    from autorec.execution.tiers import open_executor

    executor = open_executor()
    stack.callback(executor.close)
    return executor


@contextmanager
def trial_arena(config: SearchConfig) -> Iterator[Arena]:
    """An arena without a run, in a temporary folder: for one candidate alone, or for the baselines."""
    import secrets

    from autorec.store.objects import ObjectFolder

    data = load_data(config)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autorec-")))
        executor = _open_executor(stack)
        objects = ObjectFolder(folder / "objects")
        yield open_arena(
            config, data, executor=executor, objects=objects, secret=secrets.token_bytes(32), folder=folder / "work"
        )


def evaluate_candidate(candidate: Candidate, config: SearchConfig) -> tuple[Trained, str]:
    """One candidate, trained once and judged on *select*; also what it printed."""
    with trial_arena(config) as arena:
        trained = arena.trainer.inner.train(candidate, Stage.SEARCH, config.seed)
        log = arena.trainer.objects.get(trained.log).decode(errors="replace") if trained.log else ""
    return trained, log


def measure_baselines(config: SearchConfig, report: Callable[[str, Trained], None]) -> dict[str, tuple[Trained, ...]]:
    """Train each baseline, or recall it; judge on *select* and *confirm*. The test stays sealed."""
    from autorec.execution.crew import ThreadCrew

    done: dict[str, tuple[Trained, ...]] = {}
    with trial_arena(config) as arena:
        crew, waiting, under_way = ThreadCrew(), list(arena.baselines.items()), 0
        while waiting or under_way:
            while waiting and under_way < config.workers:
                name, candidate = waiting.pop(0)
                crew.submit(name, partial(_measure, arena, candidate))
                under_way += 1
            if landed := crew.next(timeout_s=1.0):
                under_way -= 1
                done[str(landed[0])] = landed[1]
                report(str(landed[0]), landed[1][0])
    return {name: done[name] for name in arena.baselines}


def _measure(arena: Arena, candidate: Candidate) -> tuple[Trained, ...]:
    trained = arena.trainer.train(candidate, Stage.SEARCH, baseline_seed(candidate.id, Stage.SEARCH))
    return (trained, arena.trainer.predict(candidate, Stage.FINALIST, trained)) if trained.ok else (trained,)
