"""What a configuration asks for: role, baselines, data, task, and how the time is divided."""

from functools import partial

from autorec.domain.budget import TimePlan, enough_s, plan_time
from autorec.domain.errors import UsageError
from autorec.domain.evaluation import Task
from autorec.domain.text import duration, typed_duration
from autorec.schemas.config import SearchConfig
from autorec.tasks.known_roles import refuse_misread, role_of
from autorec.tasks.roles import Material
from autorec.wiring.spaces import OpenSpace, open_space


def settle(config: SearchConfig) -> SearchConfig:
    """The configuration with what its role decides filled in; settled already, it stays as it is.

    Raises UsageError when it asks for what the role does not have.
    """
    config = _of_its_role(config)
    chosen = choose_baselines(config) if config.baselines else role_of(config).baselines
    return config.model_copy(update={"baselines": chosen})


def _of_its_role(config: SearchConfig) -> SearchConfig:
    refuse_misread(config)
    role = role_of(config)
    role.check(config)
    return config.model_copy(
        update={
            "role": config.role,
            "objectives": config.objectives or role.default_objectives,
            "search_space": config.search_space or role.search_space,
        }
    )


def choose_baselines(config: SearchConfig) -> tuple[str, ...]:
    """The designs that the configuration names, each once, `all` being those of the search space.

    Raises SpaceError for a name that is no design there.
    """
    opened = open_space(config)
    if "all" in config.baselines:
        return opened.names
    for name in config.baselines:
        opened.baseline(name)
    return tuple(dict.fromkeys(config.baselines))


def load_data(config: SearchConfig) -> Material:
    """The configured data, or the role's synthetic world where none is given, split.

    Raises DataError, UsageError.
    """
    return role_of(config).load(_of_its_role(config))


def make_task(config: SearchConfig, material: Material) -> Task:
    """What the run is about.

    Raises UsageError for an objective or a cutoff that the data cannot give.
    """
    role = role_of(config)
    for metric in (*config.objectives, *role.cut_at(config.cutoffs)):
        material.require(metric)
    return Task(
        role=config.role,
        data_name=material.data.name,
        data_digest=material.data.digest,
        split_rule=material.split.rule,
        split_digest=material.split.digest,
        sizes=material.sizes,
        statistics=material.statistics,
        objectives=role.objectives(config.objectives),
        constraints=config.task_constraints(),
    )


def time_plan(config: SearchConfig, space: OpenSpace, *, goes_on: bool = False) -> TimePlan:
    """How the budget is divided; of a run that `goes_on` nothing but the budget can be changed any more.

    Raises UsageError when it is too short for the baselines, one candidate a worker and the finals.
    """
    planned = partial(
        plan_time,
        workers=config.workers,
        finalists=config.finalists,
        baselines=len(config.baselines),
        slow_baselines=len(space.until_time_is_up(config.baselines)),
        training_s=config.training,
    )
    plan = planned(config.budget)
    if not plan.fits:
        raise UsageError(
            f"budget: {duration(config.budget)} is too short for baselines, candidates and finals, with "
            f"{duration(plan.training_s)} of training each and {config.workers} at a time: "
            f"they take about {duration(plan.least_s)}",
            fix=_room_for(enough_s(planned, plan.least_s), may_train_less=bool(config.training) and not goes_on),
        )
    return plan


def _room_for(budget_s: int | None, *, may_train_less: bool) -> str:
    if budget_s is None:
        return "give fewer --baselines, more --workers, or a --training time"
    return f"give --budget {typed_duration(budget_s)}" + (" or less --training" if may_train_less else "")
