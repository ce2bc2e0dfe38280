"""One task, ready to train and judge candidates on: data, bundles, judge, sandbox, search space, baselines."""

import hashlib
import math
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autorec import __version__
from autorec.assets import assets
from autorec.domain.budget import TimePlan, plan_time
from autorec.domain.candidate import Candidate
from autorec.domain.errors import UsageError
from autorec.domain.evaluation import Task
from autorec.domain.job import MEBIBYTE, Limits, Part, Stage
from autorec.evaluation import Bundles, Trainer
from autorec.ports import Executor, Objects
from autorec.schemas.config import SearchConfig

if TYPE_CHECKING:
    from autorec.judging.ground import Ground
    from autorec.judging.judge import RankingJudge
    from autorec.proposers.space_code import SpaceCode
    from autorec.schemas.space import SearchSpace
    from autorec.store.baselines import BaselineCache
    from autorec.tasks.bundle import Permutation
    from autorec.tasks.datasets import Dataset
    from autorec.tasks.splits import Split

BASELINES = ("pop", "itemknn", "ease", "ease_recency", "sasrec")
SLOW_BASELINES = 1
"""How many of the baselines use their whole training time (sasrec)."""

LIST_ENTRY_BYTES = 4
SCRATCH_BYTES = 256 * MEBIBYTE
"""What a candidate may write to its disk besides what it hands over."""

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

    Raises UsageError for a cutoff that was asked for and is longer than the catalogue.
    """
    n_items = dataset.n_items
    named = {name: int(name.partition("@")[2]) for name in config.objectives if "@" in name}
    if config.cutoffs != SearchConfig.model_fields["cutoffs"].default:
        named |= {f"cutoff {k}": k for k in config.cutoffs}
    for name, cutoff in named.items():
        if cutoff > n_items:
            raise UsageError(
                f"{name} asks for the top {cutoff}, but the catalogue has {n_items} items",
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
        top_k=min(n_items, max(config.top_k, *config.all_cutoffs)),
    )


def time_plan(config: SearchConfig) -> TimePlan:
    """How the budget is divided.

    Raises UsageError when it is too short for the baselines, one candidate a worker and the finals.
    """
    plan = plan_time(
        config.budget,
        workers=config.workers,
        finalists=config.finalists,
        baselines=len(BASELINES),
        slow_baselines=SLOW_BASELINES,
        training_s=config.training,
    )
    if not plan.fits:
        raise UsageError(
            f"budget: {config.budget:g} s are too short for baselines, candidates and finals, with "
            f"{plan.training_s:g} s training each and {config.workers} at a time: they take about {plan.least_s:.0f} s",
            fix=f"give --budget {math.ceil(plan.least_s * 1.2)}s" + (" or less --training" if config.training else ""),
        )
    return plan


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
    training_s: float,
) -> Arena:
    """Write the bundles under `folder` and bring judge, executor and cache of baselines together."""
    from autorec.judging.judge import RankingJudge
    from autorec.proposers.space_code import SpaceCode
    from autorec.schemas.space import find_space, load_space
    from autorec.tasks.bundle import Permutation

    dataset, split = data
    task = make_task(config, dataset, split)
    space_file = find_space(config.search_space, assets("search_spaces"))
    space = load_space(space_file)
    code = SpaceCode(space, space_file.parent)
    baselines = {name: Candidate.of(code.render(space.named(name))) for name in BASELINES}
    permutation = Permutation.of(secret, task.n_users, task.n_items)
    limits = training_limits(config, task, training_s)
    judge = RankingJudge(
        ground=_grounds(dataset, split),
        user_permutation=permutation.users,
        item_permutation=permutation.items,
        n_items=task.n_items,
        cutoffs=tuple(k for k in config.all_cutoffs if k <= task.top_k),
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
    return Arena(
        dataset=dataset,
        split=split,
        task=task,
        judge=judge,
        trainer=_remembering(trainer, config, task, baselines),
        space=space,
        code=code,
        baselines=baselines,
    )


def _remembering(
    trainer: Trainer, config: SearchConfig, task: Task, baselines: Mapping[str, Candidate]
) -> "BaselineCache":
    from autorec import judging
    from autorec.store.baselines import BaselineCache
    from autorec.store.objects import ObjectFolder

    return BaselineCache(
        inner=trainer,
        baselines=frozenset(c.id for c in baselines.values()),
        folder=home() / "baselines",
        kept=ObjectFolder(home() / "objects"),
        objects=trainer.objects,
        context={
            "version": __version__,
            "data": task.data_digest,
            "split": task.split_digest,
            "objectives": list(config.objectives),
            "cutoffs": list(config.all_cutoffs),
            "top_k": task.top_k,
            "training_s": trainer.limits.training_s,
            "patience": config.patience,
            "workers": config.workers,
            "machine": machine(),
            "sandbox": _digest_of(assets("sandbox")),
            "judge": _digest_of(Path(judging.__file__).parent),
        },
    )


def machine() -> str:
    """What time-limited results depend on besides the code: processor, cores, torch."""
    from importlib.metadata import version

    return f"{platform.machine()}, {os.cpu_count()} cores, torch {version('torch')}"


def _digest_of(folder: Path) -> str:
    files = sorted(file for file in folder.rglob("*.py") if file.is_file())
    content = b"".join(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() for file in files)
    return hashlib.sha256(content).hexdigest()


def training_limits(config: SearchConfig, task: Task, training_s: float) -> Limits:
    """What one job may use; predicting gets a quarter of the training time, and a little for a short training.

    The disk holds one state and one file of lists at a time, and what a candidate writes besides.
    """
    predicting_s = training_s / 4 + 10
    state_bytes = config.max_state_mb * MEBIBYTE
    lists_bytes = task.n_users * task.top_k * LIST_ENTRY_BYTES
    return Limits(
        training_s=training_s,
        predicting_s=predicting_s,
        wall_s=training_s + predicting_s + 30,
        memory_bytes=config.max_memory_mb * MEBIBYTE,
        state_bytes=state_bytes,
        disk_bytes=state_bytes + lists_bytes + SCRATCH_BYTES,
    )


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


def isolated_executor(stack: ExitStack) -> Executor:
    """An executor of the strongest tier that holds, closed with the stack. Raises IsolationError."""
    from autorec.execution.tiers import open_executor

    executor = open_executor()
    stack.callback(executor.close)
    return executor
