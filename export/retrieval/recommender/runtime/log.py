"""Interaction logs of your own: Parquet, or CSV or TSV with a header, read into the arrays that `reckit` maps."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import reckit
import torch
from recommender.runtime.ids import Ids
from recommender.runtime.parquet import parts
from recommender.runtime.refusal import Refusal
from recommender.runtime.text import opened
from recommender.runtime.times import in_seconds, moment

NAMES: Mapping[str, tuple[str, ...]] = {
    "user": ("user_id", "userid", "user", "uid"),
    "item": ("item_id", "itemid", "movieid", "item", "iid"),
    "timestamp": ("timestamp", "datetime", "ts", "time"),
    "value": ("rating", "weight", "label", "click"),
}


@dataclass(frozen=True)
class Log:
    """Interactions: `users` and `items` are codes into the raw ids, which are sorted. Each array is [n].

    Rows are in order of user and time; the order of rows with equal user and time is drawn at random, once.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    users: np.ndarray
    items: np.ndarray
    timestamps: np.ndarray | None
    values: np.ndarray | None

    def rows(self, chosen: np.ndarray) -> "Log":
        """The chosen rows, bool or int [m], under the same ids."""
        optional = [None if column is None else column[chosen] for column in (self.timestamps, self.values)]
        return Log(self.user_ids, self.item_ids, self.users[chosen], self.items[chosen], *optional)

    def history(self, users: Ids, items: Ids, about: Mapping[str, Any]) -> reckit.History:
        """The log in a model's numbers; items that the model does not know are left out."""
        for column, has in (("timestamp", self.timestamps is not None), ("value", self.values is not None)):
            if about[f"has_{column}s"] and not has:
                raise Refusal(
                    f"the model was trained with a {column} for each interaction, and the log has none",
                    f"name the column: --columns {column}=NAME",
                )
        item_numbers = np.array([items.numbers.get(raw, -1) for raw in self.item_ids], dtype=np.int32)[self.items]
        known = item_numbers >= 0
        if not known.any():
            raise Refusal("the model knows none of the items in the log", "check that the ids are those of items.csv")
        numbers = np.array([users.numbers[raw] for raw in self.user_ids], dtype=np.int64)[self.users][known]
        order = np.argsort(numbers, kind="stable")
        pick = {
            name: torch.from_numpy(column[known][order]) if about[f"has_{name}"] and column is not None else None
            for name, column in (("timestamps", self.timestamps), ("values", self.values))
        }
        return reckit.History(
            n_users=len(users.raw),
            n_items=len(items.raw),
            indptr=torch.from_numpy(offsets(numbers, len(users.raw))),
            items=torch.from_numpy(item_numbers[known][order]),
            asked=torch.zeros(0, dtype=torch.int64),
            **pick,
        )

    def write_data(self, folder: Path, features: Mapping[str, np.ndarray], described: list[dict[str, Any]]) -> None:
        """As `reckit.open_data` reads it."""
        self._write(folder, {"users": self.users, **features})
        meta = {"kind": "log", "n_users": len(self.user_ids), "n_items": len(self.item_ids)}
        meta |= {"n_interactions": len(self.users), "has_timestamps": self.timestamps is not None}
        meta |= {"has_values": self.values is not None, "features": described}
        (folder / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")

    def write_query(self, folder: Path) -> None:
        """As `reckit.open_history` reads it, with all users asked for."""
        self._write(folder, {"users": np.arange(len(self.user_ids), dtype=np.int32)})

    def _write(self, folder: Path, more: Mapping[str, np.ndarray]) -> None:
        folder.mkdir()
        arrays = {"indptr": offsets(self.users, len(self.user_ids)), "items": self.items, **more}
        arrays |= {"timestamps": self.timestamps, "values": self.values}
        for name, array in arrays.items():
            if array is not None:
                np.save(folder / f"{name}.npy", array)


def read_log(files: Sequence[Path], columns: Mapping[str, str], seed: int) -> Log:
    """Read files one after the other. `columns` maps user, item, timestamp, value to names in the header.

    Of rows with the same user, item and time one is kept. Raises Refusal with file and line.
    """
    rows = [row for file in parts(files) for row in _rows(file, columns)]
    if not rows:
        raise Refusal(f"{', '.join(map(str, files))}: no rows after the header", "give a log with interactions")
    raw_users, raw_items, raw_times, raw_values = zip(*rows, strict=True)
    user_ids, users = _numbered(raw_users)
    item_ids, items = _numbered(raw_items)
    times = None if None in raw_times else np.array(raw_times)
    values = None if None in raw_values else np.array(raw_values, dtype=np.float32)
    drawn = np.random.default_rng(seed).random(len(rows))
    order = np.lexsort([drawn, users] if times is None else [drawn, times, users])
    seconds = None if times is None else in_seconds(times)
    log = Log(user_ids, item_ids, users, items, seconds, values).rows(order)
    keys = (log.users, log.items) if log.timestamps is None else (log.users, log.items, log.timestamps)
    _, first = np.unique(np.stack(keys), axis=1, return_index=True)
    return log.rows(np.sort(first))


def _rows(file: Path, columns: Mapping[str, str]) -> Iterator[tuple[str, str, int | float | None, float | None]]:
    with opened(file) as reader:
        at = _positions(file, next(reader, []), columns)
        for row in filter(None, reader):
            try:
                time = moment(row[at["timestamp"]]) if "timestamp" in at else None
                value = float(row[at["value"]]) if "value" in at else None
                yield row[at["user"]], row[at["item"]], time, value
            except (ValueError, IndexError) as error:
                raise Refusal(f"{file}, line {reader.line_num}: {error}", "mend or remove that line") from None


def _positions(file: Path, header: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    plain = [name.split(":")[0].strip() for name in header]
    found = {}
    for role, usual in NAMES.items():
        names = (columns[role],) if role in columns else usual
        place = next((i for i, name in enumerate(plain) if name in names or name.lower() in names), None)
        if place is not None:
            found[role] = place
        elif role in columns or role in ("user", "item"):
            raise Refusal(
                f"{file}: no column for {role} (looked for {', '.join(names)}); the header has {', '.join(plain)}",
                f"name it: --columns {role}=NAME",
            )
    return found


def _numbered(raw: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    ids = tuple(sorted(set(raw)))
    numbers = {name: number for number, name in enumerate(ids)}
    return ids, np.fromiter((numbers[name] for name in raw), dtype=np.int32, count=len(raw))


def offsets(rows: np.ndarray, n: int) -> np.ndarray:
    """Row pointers int64 [n + 1] of entries sorted by row."""
    return np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=n)))).astype(np.int64)
