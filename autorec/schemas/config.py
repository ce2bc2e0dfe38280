"""The configuration of a search: flags beat environment beat file beat defaults, and the result is stored with the run.

Environment variables are `AUTOREC_SEARCH_<KEY>` (`AUTOREC_SEARCH_BUDGET=15m`), lists with commas but for hypotheses,
one a line; the file is TOML with the same keys.
"""

import difflib
import math
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from autorec.domain.errors import UsageError
from autorec.domain.evaluation import Constraint
from autorec.schemas.commands import OneLine
from autorec.schemas.complaint import complaint, where
from autorec.schemas.model_names import absolute, shown
from autorec.schemas.space import is_path

ENVIRONMENT = "AUTOREC_SEARCH_"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)([smhd]))+")


def parse_duration(text: object) -> float:
    """Seconds from `90s`, `20m`, `1h30m`, or a bare number of seconds.

    Raises ValueError with the expected form.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = float(text)
    else:
        cleaned = str(text).strip().lower()
        if _DURATION.fullmatch(cleaned):
            seconds = sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", cleaned))
        else:
            try:
                seconds = float(cleaned)
            except ValueError:
                raise ValueError(f"{text!r} is not a duration; write it like 90s, 20m or 1h30m") from None
    if not math.isfinite(seconds) or seconds <= 0:
        raise ValueError(f"{text!r} is not a duration; it must be more than zero")
    return seconds


def parse_pairs(text: str, such_as: str) -> dict[str, str]:
    """`user=uid,item=sku` as a mapping.

    Raises ValueError with the expected form.
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    for meaning, sign, name in pairs:
        if not sign or not name.strip() or not meaning.strip():
            raise ValueError(f"{text!r}: expected pairs such as {such_as}")
    return {meaning.strip(): name.strip() for meaning, _, name in pairs}


def split_names(text: str) -> list[str]:
    """`ease, slim` as a list; empty names are left out."""
    return [part.strip() for part in text.split(",") if part.strip()]


Duration = Annotated[float, BeforeValidator(parse_duration)]


class Price(BaseModel):
    """US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class Isolation(BaseModel):
    """How candidates are kept apart from the machine. `min`: the weakest tier that is good enough; auto is bwrap."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: Literal["auto", "container", "bwrap", "landlock"] = "auto"


class SearchConfig(BaseModel):
    """Everything that a search can be told. Unknown keys are refused, with the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path | None = Field(None, description="interaction log: a file, or a folder of files that belong together")
    columns: dict[str, str] = Field(
        default_factory=dict, description="what a column means (user, item, timestamp ...) -> its name"
    )
    min_rating: float | None = Field(None, allow_inf_nan=False, description="keep rows of at least this value")
    k_core: int | None = Field(None, ge=1, description="keep users and items with at least so many rows each")
    user_features: Path | None = Field(None, description="CSV, TSV or Parquet file with a user a row")
    item_features: Path | None = Field(None, description="CSV, TSV or Parquet file with an item a row")
    role: str = Field("retrieval", description="what the model does in a recommender: retrieval or ranking")
    split: Literal["auto", "temporal", "loo", "ratio", "given"] = Field("auto", description="how holdouts are cut")
    llm: tuple[str, ...] = Field(
        (),
        description="language models as provider/model, mailbox:DIR (you answer) or replay:DIR (a recording), or "
        "one as text; none: the policy writes alone",
    )
    llm_fallback: tuple[str, ...] = Field(
        (), description="language models that are asked, one after the other, where one of llm gives no answer"
    )
    api_base: str | None = Field(None, description="address of an OpenAI-compatible server")
    api_bases: dict[str, str] = Field(
        default_factory=dict, description="addresses by model, for those that are not behind api_base"
    )
    llm_max_tokens: int = Field(
        16_000, ge=256, description="longest reply of the language model in tokens, its reasoning included"
    )
    prompt_tokens: int = Field(
        32_000,
        ge=1,
        description="longest prompt in tokens, taken as three bytes each; what is over gives way, the oldest failures "
        "first, the sources of parents last",
    )
    llm_at_once: int | None = Field(None, ge=1, description="requests at a time to each language model")
    llm_requests_per_minute: int | None = Field(None, ge=1, description="requests a minute to each language model")
    llm_deadline: Duration | None = Field(
        None, description="longest wait for one answer; default: 10m, and the budget where a mailbox is asked"
    )
    retrain: bool = Field(False, description="with llm = replay:DIR: train again, and say where the figures part")
    prices: dict[str, Price] = Field(default_factory=dict, description="US dollars for a million tokens, by model")
    budget: Duration = Field(1200.0, description="wall clock of the whole command")
    max_candidates: int | None = Field(None, ge=1, description="stop after so many candidates, baselines apart")
    max_usd: float | None = Field(None, gt=0, description="stop asking language models at this cost")
    max_tokens: int | None = Field(
        None, ge=1, description="stop asking language models at so many tokens, of prompts and replies together"
    )
    workers: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1), ge=1, le=256, description="trainings at a time"
    )
    spares: int | None = Field(
        None, ge=0, le=256, description="sandboxes kept warm, about 300 MB each; default: one a worker; 0: none"
    )
    population: int = Field(8, ge=1, description="candidates a generation")
    survivors: int = Field(4, ge=2, description="kept by selection as parents")
    finalists: int = Field(3, ge=1, description="trained again on fresh seeds and judged on confirm")
    seed: int = Field(0, ge=0, lt=1 << 31, description="seed of designs and trainings")
    split_seed: int = Field(0, ge=0, lt=1 << 31, description="seed of random splits and of the synthetic world")
    hypotheses: tuple[OneLine, ...] = Field((), description="sentences for the language model to test")
    seed_code: tuple[Path, ...] = Field((), description="folders with a person's candidates")
    approve: bool = Field(
        False, description="ask a person before a candidate is run that none wrote: autorec approve answers"
    )
    search_space: str | None = Field(
        None, description="a name in search_spaces/, or the path of a YAML file; default: that of the role"
    )
    prompts: Path | None = Field(None, description="folder of templates that replace or extend built-in prompts")
    memory: Path | None = Field(
        None, description="file of lessons: those of earlier runs are told to language models, and this run's are added"
    )
    reflect: bool = Field(True, description="ask a language model after each generation what it taught")
    proposers: tuple[str, ...] = Field(
        (), description="who writes by turns: llm, policy, package.module:Class; default: llm where given, and policy"
    )
    isolation: Isolation = Field(
        default_factory=Isolation,
        description="`min`: the weakest tier that is good enough: auto (bwrap), container or landlock; the strongest "
        "of them that passes its self-test is taken",
    )
    unsafe_no_sandbox: bool = Field(
        False, description="run candidates with your own rights: no result of such a run can be a champion"
    )
    executor: str | None = Field(
        None, description="package.module:Class that runs jobs; default: the strongest tier that passes its self-test"
    )
    metrics: dict[str, str] = Field(
        default_factory=dict, description="metrics of one's own: name -> package.module:function"
    )
    baselines: tuple[str, ...] = Field(
        (), description="designs of the search space to compare with, or all; default: those of the role"
    )
    chooser: Literal["tpe", "random"] = Field("tpe", description="how the policy draws designs")
    run: str | None = Field(None, description="a name under runs/, or a path")
    training: Duration | None = Field(None, description="training time a candidate; default: a share of the budget")
    patience: int = Field(5, ge=1, description="validations without a gain that end a training")
    objectives: tuple[str, ...] = Field(
        (), description="metrics or costs, the first is primary; default: that of the role"
    )
    cutoffs: tuple[int, ...] = Field((), description="where metrics are cut, as in ndcg@10; default: that of the role")
    max_predict: Duration = Field(60.0, description="constraint: seconds for one prediction of all users")
    max_memory_mb: int = Field(4096, ge=256, description="limit and constraint: memory of the whole tree")
    max_state_mb: int = Field(1024, ge=1, description="constraint: size of the kept state")
    keep_weights: Literal["survivors", "all"] = Field(
        "survivors", description="whose weights stay: of survivors, finalists and baselines, or of all candidates"
    )
    top_k: int = Field(100, ge=1, description="length of the lists that candidates hand in")

    @field_validator("data", "prompts", "memory", "user_features", "item_features")
    @classmethod
    def _from_anywhere(cls, path: Path | None) -> Path | None:
        return path.absolute() if path else None

    @field_validator("api_bases", mode="before")
    @classmethod
    def _as_addresses(cls, addresses: object) -> object:
        return parse_pairs(addresses, "llama=http://127.0.0.1:8000/v1") if isinstance(addresses, str) else addresses

    @field_validator("llm", "llm_fallback")
    @classmethod
    def _folders_from_anywhere(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(absolute(model) for model in models)

    @field_validator("columns", mode="before")
    @classmethod
    def _as_pairs(cls, columns: object) -> object:
        return parse_pairs(columns, "user=uid,timestamp=t") if isinstance(columns, str) else columns

    @field_validator("metrics", mode="before")
    @classmethod
    def _as_metrics(cls, metrics: object) -> object:
        return parse_pairs(metrics, "mine=package.module:function") if isinstance(metrics, str) else metrics

    @field_validator("search_space")
    @classmethod
    def _file_from_anywhere(cls, name: str | None) -> str | None:
        return str(Path(name).absolute()) if name and is_path(name) else name

    @field_validator("llm", "llm_fallback", mode="before")
    @classmethod
    def _one_or_more(cls, models: object) -> object:
        return split_names(models) if isinstance(models, str) else models

    @field_validator("llm", "llm_fallback")
    @classmethod
    def _each_once(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        if len({shown(model) for model in models}) < len(models):
            raise ValueError(f"{', '.join(models)} names a model twice")
        return models

    @field_validator("baselines", mode="before")
    @classmethod
    def _as_names(cls, names: object) -> object:
        return split_names(names) if isinstance(names, str) else names

    @field_validator("isolation", mode="before")
    @classmethod
    def _as_tier(cls, isolation: object) -> object:
        return {"min": isolation} if isinstance(isolation, str) else isolation

    @field_validator("cutoffs")
    @classmethod
    def _above_zero(cls, cutoffs: tuple[int, ...]) -> tuple[int, ...]:
        if min(cutoffs, default=1) < 1:
            raise ValueError(f"{min(cutoffs)} is no cutoff; metrics are cut after 1 item or more")
        return cutoffs

    @model_validator(mode="after")
    def _one_isolation(self) -> Self:
        if self.unsafe_no_sandbox and self.isolation.min != "auto":
            raise ValueError(
                f"isolation {self.isolation.min} and unsafe_no_sandbox contradict each other: leave one of them out"
            )
        return self

    @property
    def warm(self) -> int:
        """How many sandboxes are kept warm."""
        return self.workers if self.spares is None else self.spares

    def task_constraints(self) -> tuple[Constraint, ...]:
        """Costs that a survivor may not exceed (seconds, bytes)."""
        return (
            Constraint(name="predict_s", limit=self.max_predict),
            Constraint(name="memory_bytes", limit=self.max_memory_mb * 2**20),
            Constraint(name="state_bytes", limit=self.max_state_mb * 2**20),
        )


def load_config(flags: Mapping[str, Any], file: Path | None = None) -> SearchConfig:
    """Merge flags (None: not given) over the environment over the file over the defaults.

    Raises UsageError that names the place, the key and the nearest known key.
    """
    layers = [("the configuration", _read_file(file) if file else {}), ("the environment", _read_environment())]
    merged: dict[str, Any] = {}
    for place, layer in [*layers, ("the command line", {k: v for k, v in flags.items() if v is not None and v != ()})]:
        _refuse_unknown(layer, str(file) if file and place == "the configuration" else place)
        merged.update(layer)
    try:
        return SearchConfig.model_validate(merged)
    except ValidationError as error:
        told = [f"{where(each)}: {complaint(each)}".removeprefix(": ") for each in error.errors()]
        raise UsageError("; ".join(told), fix="`autorec search --help` shows each option") from None


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read the configuration {file}: {error.strerror}", fix="give --config an existing file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not TOML: {error}", fix='write keys like: budget = "20m"') from None


def _read_environment() -> dict[str, Any]:
    found = {k.removeprefix(ENVIRONMENT).lower(): v for k, v in os.environ.items() if k.startswith(ENVIRONMENT)}
    return {key: _from_text(key, text) for key, text in found.items()}


def _from_text(key: str, text: str) -> str | list[str]:
    """Hypotheses are sentences, one a line; other lists are separated by commas."""
    if key == "hypotheses":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if key in ("seed_code", "objectives", "cutoffs", "proposers"):
        return split_names(text)
    return text


def _refuse_unknown(layer: Mapping[str, Any], place: str) -> None:
    for key in layer:
        if key not in SearchConfig.model_fields:
            near = difflib.get_close_matches(key, SearchConfig.model_fields, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(SearchConfig.model_fields)}"
            raise UsageError(f"{place}: unknown key {key!r}", fix=fix)
