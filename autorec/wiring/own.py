"""What a run uses of a person's own, as it was when the run began.

Templates (prompts, a search space) are kept with the run, text and all: a resumed run goes on with those it began with,
and says when the files have changed since. So are the built-in prompts, where a language model is asked: its recording
can be played when they have changed. Of code only the digest of each module's file is kept: it is imported anew. A
metric that has changed would measure another thing, so the run is not resumed with it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from autorec.assets import assets
from autorec.domain.errors import RunError, UsageError
from autorec.domain.evaluation import Task
from autorec.domain.job import Limits
from autorec.ports import Executor, ListMetric
from autorec.prompting.render import Templates
from autorec.prompting.templates import TemplateFiles, read_templates
from autorec.prompting.trial import try_out
from autorec.schemas.config import SearchConfig
from autorec.wiring import own_code
from autorec.wiring.spaces import read_space


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Files by kind, and by import string the digest of its module's file. `builtin_prompts` are those of the version
    of then, where a language model is asked.
    """

    prompts: TemplateFiles | None = None
    search_space: TemplateFiles | None = None
    builtin_prompts: TemplateFiles | None = None
    code: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values for the record of the run."""
        content: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return content

    @property
    def templates(self) -> Templates:
        """All prompts. Raises UsageError for a file of a person's own that nothing would ever render."""
        return Templates(self.builtin_prompts or assets("prompts"), self.prompts)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Own":
        """The inverse of `as_json`."""
        own: Own = _adapter().validate_python(kept)
        return own


def read_own(config: SearchConfig) -> Own:
    """Read and import what the configuration names. Raises UsageError, SpaceError."""
    prompts = read_prompts(config)
    specs = [*config.metrics.values(), *([config.executor] if config.executor else [])]
    specs += [name for name in config.proposers if own_code.is_spec(name)]
    for spec in specs:
        own_code.load(_key(config, spec), spec)
    return Own(
        prompts=prompts,
        search_space=read_space(config),
        builtin_prompts=_builtin_prompts() if config.llm else None,
        code={spec: own_code.source_digest(spec) for spec in specs},
    )


def read_again(config: SearchConfig, kept: Mapping[str, Any]) -> tuple[Own, tuple[str, ...]]:
    """What a run that is resumed uses, and what has changed since it began, in sentences.

    Raises RunError where a metric has changed.
    """
    own = Own.from_json(kept)
    return own, tuple(_changes(config, own))


def read_prompts(config: SearchConfig) -> TemplateFiles | None:
    """Prompts of a person's own, where any are given. Raises UsageError."""
    if config.prompts is None:
        return None
    if not config.llm:
        raise UsageError("prompts needs a language model, and none is given", fix="add --llm provider/model")
    return read_templates(config.prompts, "prompts")


def try_prompts(config: SearchConfig, own: Own, task: Task, limits: Limits) -> None:
    """Render the prompts with made-up facts, where a language model is asked.

    Raises UsageError: with file and line for a template that does not render, and where `prompt_tokens` are too few.
    """
    if not config.llm:
        return
    least = try_out(own.templates, task, limits)
    if config.prompt_tokens < least:
        raise UsageError(
            f"prompt_tokens: {config.prompt_tokens:,} are too few: the task, the contract and what is to be done take "
            f"{least:,}, and nothing else has room then",
            fix=f"give at least {least}, or better twice as many; or shorter prompts of your own",
        )


def own_metrics(config: SearchConfig) -> dict[str, ListMetric]:
    """Metrics of one's own by name; what one raises tells its file and line. Raises UsageError."""
    return {name: _metric(name, spec) for name, spec in config.metrics.items()}


def open_own_executor(spec: str, open_built_in: Callable[[], Executor]) -> Executor:
    """An executor of one's own, proven by attack. Raises UsageError, IsolationError."""
    from autorec.execution.own import Branded, prove

    cls = own_code.load("executor", spec)
    own_code.takes("executor", spec, cls, "open_built_in")
    with own_code.explained("executor", spec):
        made = cls(open_built_in)
    own_code.method("executor", spec, made, "run", "job, observe")
    own_code.method("executor", spec, made, "close", "")
    branded = Branded(made, tier=f"own {spec}")
    try:
        with own_code.explained("executor", spec):
            prove(branded)
    except BaseException:
        branded.close()
        raise
    return branded


def _metric(name: str, spec: str) -> ListMetric:
    key = f"metrics.{name}"
    metric = own_code.load(key, spec)
    own_code.takes(key, spec, metric, "hits, n_relevant, k")

    def explained(hits: Any, n_relevant: Any, k: int, /) -> Any:
        with own_code.explained(key, spec):
            return metric(hits, n_relevant, k)

    return explained


def _key(config: SearchConfig, spec: str) -> str:
    names = {each: f"metrics.{name}" for name, each in config.metrics.items()}
    return names.get(spec, "executor" if spec == config.executor else "proposers")


def _changes(config: SearchConfig, own: Own) -> Iterator[str]:
    for key, kept, read in (
        ("prompts", own.prompts, read_prompts),
        ("search_space", own.search_space, read_space),
    ):
        if kept is not None and _now(config, read) != kept:
            yield f"{key}: the files in {kept.folder} have changed since the run began, with which it goes on"
    if own.builtin_prompts and own.builtin_prompts.files != _builtin_prompts().files:
        yield "prompts: the built-in ones have changed since the run began, with which it goes on"
    for spec, digest in own.code.items():
        own_code.load(_key(config, spec), spec)
        if own_code.source_digest(spec) == digest:
            continue
        if spec in config.metrics.values():
            raise RunError(
                f"{_key(config, spec)}: {spec} has changed since the run began; "
                "figures of before and after do not compare",
                fix="put the file back as it was, or begin a new run",
            )
        yield f"{_key(config, spec)}: {spec} has changed since the run began; the run goes on with it as it is now"


def _builtin_prompts() -> TemplateFiles:
    return read_templates(assets("prompts"), "prompts")


def _now(config: SearchConfig, read: Any) -> TemplateFiles | None:
    """What stands in the files today; nothing where they can no longer be read."""
    try:
        found: TemplateFiles | None = read(config)
    except UsageError:
        return None
    return found


@cache
def _adapter() -> TypeAdapter[Own]:
    return TypeAdapter(Own)
