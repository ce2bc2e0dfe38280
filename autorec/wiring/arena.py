"""One task, ready to train and judge candidates on: data, bundles, judge, sandbox, search space, baselines."""

import hashlib
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autorec import __version__
from autorec.assets import assets
from autorec.diagnosing import Diagnosing
from autorec.domain.candidate import Candidate
from autorec.domain.errors import StoreError, UsageError
from autorec.domain.evaluation import Task
from autorec.domain.job import HISTORY_OF, Limits, Stage
from autorec.domain.state import State
from autorec.evaluation import Bundles, Trainer
from autorec.ports import Executor, Objects
from autorec.schemas.config import SearchConfig
from autorec.tasks.known_roles import role_of
from autorec.tasks.roles import Material, Role
from autorec.wiring.integrity import Integrity
from autorec.wiring.limits import training_limits
from autorec.wiring.own import Own, open_own_executor, own_metrics
from autorec.wiring.spaces import open_space
from autorec.wiring.task import make_task

if TYPE_CHECKING:
    from autorec.judging.seal import SealedJudge
    from autorec.proposers.space_code import SpaceCode
    from autorec.schemas.space import SearchSpace
    from autorec.store.baselines import BaselineCache


def home() -> Path:
    """Where what outlives a run is kept: the ledger of test openings and the cache of baselines."""
    import platformdirs

    return Path(os.environ.get("AUTOREC_HOME") or platformdirs.user_state_path("autorec"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """One task, ready to train and judge candidates on. `designs` are those of the baselines, None where one is no
    design of `space`.
    """

    role: Role
    material: Material
    task: Task
    judge: "SealedJudge"
    integrity: Integrity
    trainer: "BaselineCache"
    space: "SearchSpace"
    code: "SpaceCode"
    baselines: Mapping[str, Candidate]
    designs: Mapping[str, Mapping[str, Any] | None]
    limits: Limits


def open_arena(
    config: SearchConfig,
    material: Material,
    *,
    executor: Executor,
    objects: Objects,
    secret: bytes,
    folder: Path,
    training_s: float,
    own: Own,
    known: Callable[[], State | None] = lambda: None,
) -> Arena:
    """Write the bundles under `folder` and bring judge, executor and cache of baselines together.

    `known` gives the run whose candidates are compared with each other, from any thread; None where there is no run.
    """
    from autorec.judging.judges import open_judge

    role, task = role_of(config), make_task(config, material)
    opened = open_space(config, own.search_space)
    named = {name: opened.baseline(name) for name in config.baselines}
    baselines = {name: candidate for name, (_, candidate) in named.items()}
    limits, key, cutoffs = training_limits(config, material, training_s), material.key(secret), role.cutoffs(config)
    judge = open_judge(
        material.answer["answer"],
        key,
        primary=task.primary.name,
        cutoffs=cutoffs,
        own=own_metrics(config),
    )
    trainer = Trainer(
        executor=executor,
        judge=judge,
        objects=objects,
        bundles=_write_bundles(material, secret, folder),
        limits=limits,
        objective=task.primary,
        patience=config.patience,
    )
    return Arena(
        role=role,
        material=material,
        task=task,
        judge=judge,
        integrity=Integrity(material=material, judge=judge, key=key, cutoffs=cutoffs, seed=config.seed),
        trainer=_remembering(
            trainer, _diagnosing(trainer, material, key, task, known), config, material, task, baselines, own
        ),
        space=opened.space,
        code=opened.code,
        baselines=baselines,
        designs={name: design for name, (design, _) in named.items()},
        limits=limits,
    )


def _diagnosing(
    trainer: Trainer, material: Material, key: Mapping[str, Any], task: Task, known: Callable[[], State | None]
) -> Diagnosing:
    from autorec.judging.judges import EXAMINERS
    from autorec.judging.weights import weigh

    return Diagnosing(
        inner=trainer,
        objects=trainer.objects,
        examiner=EXAMINERS[material.answer["answer"]](key, task.primary),
        weigh=partial(weigh, counts=frozenset(material.sizes.values())),
        objective=task.primary,
        training_s=trainer.limits.training_s,
        known=known,
    )


def _remembering(
    trainer: Trainer,
    inner: Diagnosing,
    config: SearchConfig,
    material: Material,
    task: Task,
    baselines: Mapping[str, Candidate],
    own: Own,
) -> "BaselineCache":
    from autorec import diagnosing, judging
    from autorec.domain import curve, diagnosis
    from autorec.store.baselines import BaselineCache
    from autorec.store.objects import ObjectFolder

    return BaselineCache(
        inner=inner,
        baselines=frozenset(c.id for c in baselines.values()),
        folder=home() / "baselines",
        kept=ObjectFolder(home() / "objects"),
        objects=trainer.objects,
        context={
            "version": __version__,
            "data": task.data_digest,
            "split": task.split_digest,
            "objectives": list(config.objectives),
            "cutoffs": list(role_of(config).cutoffs(config)),
            "role": task.role,
            "answer": dict(material.answer),
            "training_s": trainer.limits.training_s,
            "patience": config.patience,
            "workers": config.workers,
            "machine": machine(),
            "sandbox": _digest_of(assets("sandbox")),
            "judge": _digest_of(Path(judging.__file__).parent),
            "diagnosis": [_digest_of_file(Path(str(module.__file__))) for module in (diagnosing, curve, diagnosis)],
            "metrics": {name: own.code[spec] for name, spec in config.metrics.items()},
            "executor": own.code.get(config.executor or ""),
            "isolated": not config.unsafe_no_sandbox,
        },
    )


def machine() -> str:
    """What time-limited results depend on besides the code: processor, cores, torch."""
    from importlib.metadata import version

    return f"{platform.machine()}, {os.cpu_count()} cores, torch {version('torch')}"


def environment() -> dict[str, str]:
    """What a training runs on, for the record: name -> version, processor and number of cores."""
    from importlib.metadata import version

    packages = {name: version(name) for name in ("torch", "numpy", "scipy", "safetensors")}
    return {"python": platform.python_version(), **packages, "machine": f"{platform.machine()}, {os.cpu_count()} cores"}


def _digest_of_file(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _digest_of(folder: Path) -> str:
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".py", ".bpf") and file.is_file())
    content = b"".join(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() for file in files)
    return hashlib.sha256(content).hexdigest()


def _write_bundles(material: Material, secret: bytes, folder: Path) -> Bundles:
    """Raises StoreError where there is no room for them; numpy's own error then does not even say why."""
    data, queries = {}, {}
    try:
        for stage in (Stage.SEARCH, Stage.FINAL):
            target = folder / f"data-{'-'.join(stage.trained_on)}"
            material.write_training(secret, stage.trained_on, target)
            data[stage.trained_on] = str(target)
        for part in HISTORY_OF:
            target = folder / f"query-{part}"
            material.write_query(secret, part, target)
            queries[part] = str(target)
    except OSError as error:
        raise StoreError(
            f"the data for candidates cannot be written to {folder}: {error.strerror or error}",
            fix="free space there, or give another --run",
        ) from error
    return Bundles(data=data, queries=queries)


def isolated_executor(stack: ExitStack, config: SearchConfig, *, spares: int) -> Executor:
    """An executor of the strongest tier that holds, or one's own that does, or none at all; closed with the stack.

    `spares` sandboxes are kept warm: as many as jobs run side by side, where many follow each other.

    Raises IsolationError, UsageError.
    """
    from autorec.execution.tiers import open_executor, open_without_isolation

    if config.unsafe_no_sandbox and config.executor:
        raise UsageError("executor: what runs without a sandbox runs in no executor of one's own",
                         fix="leave out --unsafe-no-sandbox or executor")  # fmt: skip
    if config.unsafe_no_sandbox:
        open_built_in = partial(open_without_isolation, spares=spares)
    else:
        open_built_in = partial(open_executor, config.isolation.min, spares=spares)
    executor = open_own_executor(config.executor, open_built_in) if config.executor else open_built_in()
    stack.callback(executor.close)
    return executor
