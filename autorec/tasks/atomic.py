"""RecBole's atomic files: `*.inter` with typed headers, and features of users and items beside it.

A header field is `name:type`; type is token, token_seq (parted by blanks), float or float_seq. The format is described
at https://recbole.io/docs/user_guide/data/atomic_files.html.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import numpy as np

from autorec.domain.errors import DataError
from autorec.tasks.datasets import Float32s, Side
from autorec.tasks.delimited import Table, open_table
from autorec.tasks.features import Column, FeatureTable, Kind

TYPES: tuple[str, ...] = get_args(Kind)


def interactions_file(folder: Path) -> Path | None:
    """The `.inter` file of a folder, None where there is none. Raises DataError where there are several."""
    found = sorted(folder.glob("*.inter"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DataError(f"{folder}: expected one .inter file, found {names}", fix="give the path of one of them")
    return found[0] if found else None


def is_typed(header: Sequence[str]) -> bool:
    """Whether every field says its type."""
    return all(field.strip().partition(":")[2] in TYPES for field in header)


def open_atomic(path: Path) -> Table:
    """Read the header of an atomic file. Raises DataError when a field carries no known type."""
    table = open_table(path, delimiter="\t", quoted=False)
    for field in table.header:
        if field.partition(":")[2] not in TYPES:
            raise DataError(
                f"{path}, line 1: expected name:type with type one of {', '.join(TYPES)}; found {field!r}",
                fix="write the header as user_id:token, item_id:token, timestamp:float ...",
            )
    return table


def features_beside(interactions: Path) -> tuple[FeatureTable, ...]:
    """Features from the `.user` and the `.item` file beside the interactions, where there are any."""
    sides: tuple[Side, ...] = ("user", "item")
    found = ((side, interactions.with_suffix(f".{side}")) for side in sides)
    return tuple(read_features(path, side) for side, path in found if path.is_file())


def read_features(path: Path, side: Side) -> FeatureTable:
    """All features of a `.user` or `.item` file; its key is `<side>_id`, else the first column."""
    table = open_atomic(path)
    texts = table.whole()
    key = next((i for i, field in enumerate(table.header) if field.split(":")[0] == f"{side}_id"), 0)
    columns = (_column(table, position, texts[position]) for position in range(len(texts)) if position != key)
    return FeatureTable(side=side, name=path.name, keys=texts[key], columns=tuple(columns))


def _column(table: Table, position: int, texts: Sequence[str]) -> Column:
    name, _, written = table.header[position].partition(":")
    kind = cast(Kind, written)
    if kind == "float":
        return Column(name=name, kind=kind, cells=table.parse(_floats, texts, 0, f"a number for {name}").tolist())
    return Column(name=name, kind=kind, cells=[text.split() for text in texts] if kind == "token_seq" else texts)


def _floats(texts: Sequence[str]) -> Float32s:
    return np.array([float(t) if t else np.nan for t in texts], dtype=np.float32)
