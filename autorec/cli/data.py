"""Data commands: describe, check, synth."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from autorec.cli import options

app = typer.Typer(help="Look at a log before searching on it, or make a synthetic one.", no_args_is_help=True)


@app.command()
@options.takes_data
def describe(
    chosen: Mapping[str, Any],
    data: Annotated[Path | None, typer.Argument(help="the data; none: the role's synthetic world")] = None,
    as_json: options.Json = False,
) -> None:
    """Sizes, density, time ties, warm users a part, and what to beware of.

    Example: autorec data describe ratings.csv --split loo
    """
    from autorec.cli.terminal import Screen
    from autorec.schemas.config import load_config
    from autorec.wiring import load_data

    description = load_data(load_config({"data": data, **chosen})).describe()
    if as_json:
        print(json.dumps(description.as_json()))
        return
    console = Screen()
    for name, value in description.rows():
        console.pair(name, value, indent=26)
    for warning in description.warnings:
        console.pair("!", warning, indent=2, style="yellow")


@app.command()
def check(
    data: Annotated[Path | None, typer.Argument(help="the data; none: the role's synthetic world")] = None,
    role: options.Role = None,
    columns: options.Columns = None,
    min_rating: options.MinRating = None,
    k_core: options.KCore = None,
    user_features: options.UserFeatures = None,
    item_features: options.ItemFeatures = None,
    split: options.SplitRule = None,
    as_json: options.Json = False,
) -> None:
    """Whether split and judge can be believed: overlap, rows from the future, answers whose worth is known.

    Each search looks at the same before it trains anything. Example: autorec data check ratings.csv --split temporal
    """
    from dataclasses import asdict

    from autorec.cli.terminal import Screen
    from autorec.domain.control import control_line, held_line
    from autorec.schemas.config import load_config
    from autorec.wiring import check_data, demand

    flags = {
        "data": data,
        "role": role,
        "columns": columns,
        "min_rating": min_rating,
        "k_core": k_core,
        "user_features": user_features,
        "item_features": item_features,
        "split": split,
    }
    found = check_data(load_config(flags, None))
    every = [control for controls in found.values() for control in controls]
    if as_json:
        print(json.dumps({name: [asdict(control) for control in controls] for name, controls in found.items()}))
    else:
        console = Screen()
        for name, controls in found.items():
            console.print(name)
            for control in controls:
                console.pair("", control_line(control), indent=2)
        console.print(held_line(every))
    demand(every)


@app.command()
def synth(
    target: Annotated[Path, typer.Argument(help="the CSV file to write")],
    role: options.Role = None,
    users: Annotated[int | None, typer.Option(min=10, help="number of users")] = None,
    items: Annotated[int | None, typer.Option(min=10, help="number of items")] = None,
    seed: Annotated[int, typer.Option(min=0, help="another seed, another world")] = 0,
) -> None:
    """Write a synthetic world as CSV: a log with drifting tastes, sequences and cold items, or clicks on rows.

    Examples: autorec data synth world.csv --users 2000 --seed 7 · autorec data synth clicks.csv --role ranking
    """
    from autorec.cli.terminal import say
    from autorec.domain.errors import UsageError
    from autorec.tasks.known_roles import role_named

    sizes = {key: value for key, value in (("n_users", users), ("n_items", items)) if value is not None}
    if target.is_file():
        raise UsageError(f"{target} is there already, and is not overwritten", fix="remove it, or give another path")
    try:
        said = role_named(role or "retrieval").synthesise(target, seed, sizes)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(
            f"cannot write {error.filename or target}: {error.strerror}", fix="give another path"
        ) from None
    say(f"{said} written to {target}")
