"""Options that several commands share."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

NOTHING_VALID = 3
"""The exit code of a command that did its work, and found nothing that could be judged."""

Data = Annotated[
    Path | None,
    typer.Option(
        help="Interaction log: CSV, TSV or Parquet, SASRec lines, a RecBole or MovieLens folder, a folder of Parquet "
        "parts, or one with train/valid/test files; for ranking, rows with a label: CSV, TSV or the Criteo layout. "
        "None: a synthetic world.",
        rich_help_panel="Data",
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        help="Column names, as user=uid,item=sku,timestamp=t,value=stars; for ranking "
        "label=clicked,user=uid,timestamp=t, and categorical=zip+hour, numeric=..., ignore=... where a look misleads.",
        rich_help_panel="Data",
    ),
]
Role = Annotated[
    str | None,
    typer.Option(
        help="What the model does: retrieval (which items next) or ranking (how likely is a click).",
        rich_help_panel="Data",
    ),
]
MinRating = Annotated[
    float | None, typer.Option(help="Keep rows whose value is at least this; off by default.", rich_help_panel="Data")
]
KCore = Annotated[
    int | None,
    typer.Option(
        help="Keep users and items with at least so many rows each, repeatedly; off by default.", rich_help_panel="Data"
    ),
]
UserFeatures = Annotated[
    Path | None, typer.Option(help="CSV, TSV or Parquet with a user a row.", rich_help_panel="Data")
]
ItemFeatures = Annotated[
    Path | None, typer.Option(help="CSV, TSV or Parquet with an item a row.", rich_help_panel="Data")
]
SplitRule = Annotated[
    str | None, typer.Option("--split", help="auto, temporal, loo, ratio or given.", rich_help_panel="Data")
]
OF_DATA: Mapping[str, Any] = {
    "data": Data,
    "role": Role,
    "columns": Columns,
    "min_rating": MinRating,
    "k_core": KCore,
    "user_features": UserFeatures,
    "item_features": ItemFeatures,
    "split": SplitRule,
}
"""The options that say which data, by their keys in the configuration."""
Budget = Annotated[
    str | None, typer.Option(help="Wall clock of the whole command: 90s, 20m, 1h30m.", rich_help_panel="Search")
]
Seed = Annotated[
    int | None, typer.Option(help="Seed of designs and trainings; the split keeps its own.", rich_help_panel="Search")
]
Workers = Annotated[int | None, typer.Option(help="Trainings at a time.", rich_help_panel="Search")]
Baselines = Annotated[
    str | None,
    typer.Option(help="Designs of the search space to compare with, as ease,slim, or all.", rich_help_panel="Search"),
]
SearchSpace = Annotated[
    str | None,
    typer.Option(help="A YAML file of your own, or a name in search_spaces/.", rich_help_panel="Search"),
]
Training = Annotated[
    str | None,
    typer.Option(help="Training time a candidate; default: a twelfth of the budget.", rich_help_panel="Search"),
]
Isolation = Annotated[
    str | None,
    typer.Option(
        help="The weakest tier that is good enough: auto (bwrap), container or landlock.", rich_help_panel="Isolation"
    ),
]
NoSandbox = Annotated[
    bool | None,
    typer.Option(
        "--unsafe-no-sandbox",
        help="Run candidates with your own rights: they can read the labels, your files and keys. Nothing that is "
        "found so can be a champion.",
        rich_help_panel="Isolation",
    ),
]
Config = Annotated[Path | None, typer.Option(help="TOML file with the same keys.", rich_help_panel="Run")]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON on standard output; progress on standard error.")]


def warn_of(no_sandbox: bool) -> None:
    """Say loudly, on standard error, what it means to have asked for no sandbox."""
    if no_sandbox:
        from autorec.cli.terminal import Screen

        Screen(stderr=True).print(WARNING, style="bold red", markup=False, soft_wrap=True)


WARNING = """\
############################################################################
#  NO SANDBOX: candidates run with your rights. They can read your files,  #
#  your keys and the labels they are judged on, and reach the network.     #
#  Results are tagged `none`; nothing found so can be a champion.          #
############################################################################"""


def takes_data(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of `OF_DATA` before its own, but for those that it declares itself.

    It gets them as one mapping, `chosen`: what was given (None: not given) by its key in the configuration.
    """
    own = {name: each for name, each in inspect.signature(command).parameters.items() if name != "chosen"}
    names = [name for name in OF_DATA if name not in own]

    @wraps(command)
    def taking(**given: Any) -> None:
        command(chosen={name: given.pop(name) for name in names}, **given)

    by_name = inspect.Parameter.KEYWORD_ONLY
    added = [inspect.Parameter(name, by_name, default=None, annotation=OF_DATA[name]) for name in names]
    every = [*added, *(each.replace(kind=by_name) for each in own.values())]
    taking.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]  # what typer reads
    taking.__annotations__ = {each.name: each.annotation for each in every}
    return taking
