"""A synthetic world of clicks with a known ground truth: the data used when none is given.

People of a few segments are shown items of categories and brands, at an hour, on a device, at a place on the page. A
click comes with probability sigmoid(base + appeal of the item + <segment, category> + <device, hour> + what price and
age do + place), drawn anew for each impression. Interactions and the bends in price and age are there to be
found by what goes beyond main effects. Some values are missing.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from autorec.tasks.datasets import Bools, Float32s, Float64s, Int32s, Int64s
from autorec.tasks.ranking.impressions import Category, Impressions, Number, as_texts

DAY_S = 86_400
HOURS = 24
PLACES = 10
DEVICES = ("desktop", "phone", "tablet")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickWorld:
    """How the world is; the seed settles all else. `pairs` scales the interactions, `missing` is the share of values
    that are missing from what is numeric, `base` the log-odds of a click before anything is known.
    """

    n_users: int = 1500
    n_items: int = 300
    n_rows: int = 40_000
    n_segments: int = 8
    n_categories: int = 12
    n_brands: int = 40
    days: int = 60
    dim: int = 4
    base: float = -0.4
    pairs: float = 0.9
    missing: float = 0.08
    start: int = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Generated:
    """The rows of a world, and the probability with which each was clicked: float64 [n]."""

    rows: Impressions
    probabilities: Float64s


def generate(world: ClickWorld) -> Generated:
    """Show and see. The same world always gives the same rows, oldest first."""
    rng = np.random.default_rng([world.seed, 0])
    activity = rng.lognormal(0.0, 1.0, world.n_users)
    users = rng.choice(world.n_users, world.n_rows, p=activity / activity.sum())
    items = rng.permutation(world.n_items)[np.floor(world.n_items * rng.random(world.n_rows) ** 2).astype(np.int64)]
    times = np.sort(world.start + rng.integers(world.days * DAY_S, size=world.n_rows))
    hours, devices = (times // 3600) % HOURS, rng.choice(len(DEVICES), p=(0.3, 0.6, 0.1), size=world.n_rows)
    places = rng.integers(1, PLACES + 1, size=world.n_rows)
    segments, ages = rng.integers(world.n_segments, size=world.n_users), rng.uniform(16, 80, world.n_users)
    categories, brands = (
        rng.integers(world.n_categories, size=world.n_items),
        rng.integers(world.n_brands, size=world.n_items),
    )
    prices = rng.lognormal(3.0, 1.0, world.n_items)
    logits = (
        world.base
        + rng.normal(0, 0.4, world.n_items)[items]
        + rng.normal(0, 0.3, world.n_brands)[brands[items]]
        + world.pairs * _products(rng, world, world.n_segments, world.n_categories)[segments[users], categories[items]]
        + 0.5 * world.pairs * _products(rng, world, len(DEVICES), HOURS)[devices, hours]
        - 0.4 * np.abs(np.log(prices[items]) - 3.0)
        + 0.6 * np.cos((ages[users] - 16) / 20)
        - 0.12 * (places - 1)
    )
    probabilities = 1.0 / (1.0 + np.exp(-logits))
    numbers = (
        Number(name="age", values=_with_gaps(rng, ages[users], world.missing)),
        Number(name="price", values=_with_gaps(rng, prices[items], world.missing)),
        Number(name="place", values=places.astype(np.float32)),
    )
    rows = Impressions(
        name="synthetic clicks",
        labels=rng.random(world.n_rows) < probabilities,
        numbers=numbers,
        categories=(
            _category("segment", segments[users], [f"segment {i}" for i in range(world.n_segments)]),
            _category("item", items, [f"i{i:05d}" for i in range(world.n_items)]),
            _category("category", categories[items], [f"category {i}" for i in range(world.n_categories)]),
            _category("brand", brands[items], [f"brand {i:03d}" for i in range(world.n_brands)]),
            _category("device", devices, list(DEVICES)),
            _category("hour", hours, [f"{i:02d} h" for i in range(HOURS)]),
        ),
        users=_category("user", users, [f"u{i:06d}" for i in range(world.n_users)]),
        timestamps=times.astype(np.int64),
    )
    return Generated(rows=rows, probabilities=probabilities)


def write_csv(rows: Impressions, path: Path) -> None:
    """Write rows as a headed CSV, label first; empty where a value is missing."""
    columns: dict[str, list[object]] = {"label": rows.labels.astype(int).tolist()}
    if rows.timestamps is not None:
        columns["timestamp"] = rows.timestamps.tolist()
    for number in rows.numbers:
        columns[number.name] = ["" if value != value else f"{value:.6g}" for value in number.values.tolist()]
    for field in rows.fields:
        texts = (*field.values, "")
        columns[field.name] = [texts[code] for code in field.codes.tolist()]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _products(rng: np.random.Generator, world: ClickWorld, n_left: int, n_right: int) -> Float64s:
    """Inner products of random vectors, float64 [n_left, n_right], of variance about 1."""
    left, right = rng.normal(size=(n_left, world.dim)), rng.normal(size=(n_right, world.dim))
    return np.asarray(left @ right.T / np.sqrt(world.dim))


def _with_gaps(rng: np.random.Generator, values: Float64s, share: float) -> Float32s:
    gaps: Bools = rng.random(len(values)) < share
    return np.where(gaps, np.nan, values).astype(np.float32)


def _category(name: str, codes: Int32s | Int64s, values: list[str]) -> Category:
    return Category(name=name, codes=codes.astype(np.int32), values=as_texts(values))
