"""RecBole's atomic files: `*.inter` with typed headers, and features of users and items beside it.

A header field is `name:type`; type is token, token_seq (parted by blanks), float or float_seq. The format is described
at https://recbole.io/docs/user_guide/data/atomic_files.html.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from autorec.domain.errors import DataError
from autorec.tasks.canonical import categorical_rows
from autorec.tasks.datasets import Categorical, Feature, Float32s, Numeric, Side
from autorec.tasks.delimited import Columns, Table, open_table

TYPES = ("token", "token_seq", "float", "float_seq")


def interactions_file(folder: Path) -> Path | None:
    """The `.inter` file of a folder, None where there is none. Raises DataError where there are several."""
    found = sorted(folder.glob("*.inter"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DataError(f"{folder}: expected one .inter file, found {names}", fix="give the path of one of them")
    return found[0] if found else None


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


def read_features(interactions: Path, side: Side, ids: Sequence[str]) -> tuple[list[Feature], tuple[str, ...]]:
    """Features of one side from the file beside the interactions, in the order of `ids`, and notes on what was left."""
    path = interactions.with_suffix(f".{side}")
    if not path.is_file():
        return [], ()
    table = open_atomic(path)
    columns = _whole(table)
    key = next((i for i, field in enumerate(table.header) if field.split(":")[0] == f"{side}_id"), 0)
    features = list(_features(table, columns, key, side, ids))
    return features, tuple(_notes(table, columns[key], side, ids))


def _whole(table: Table) -> Columns:
    chunks = [columns for _, columns in table.chunks()]
    if not chunks:
        raise DataError(f"{table.path}: no rows after the header", fix="remove the file or fill it")
    return [tuple(text for chunk in chunks for text in chunk[i]) for i in range(len(table.header))]


def _features(table: Table, columns: Columns, key: int, side: Side, ids: Sequence[str]) -> Iterator[Feature]:
    for position, field in enumerate(table.header):
        name, _, kind = field.partition(":")
        if position == key or kind == "float_seq":
            continue
        texts = columns[position]
        if kind == "float":
            values = table.parse(_floats, texts, 0, f"a number for {name}")
            yield Numeric(side=side, name=name, values=_aligned(values, columns[key], ids))
        else:
            split = ([t] if t else [] for t in texts) if kind == "token" else (t.split() for t in texts)
            indptr, codes, n_codes = categorical_rows(dict(zip(columns[key], split, strict=True)), ids)
            yield Categorical(side=side, name=name, indptr=indptr, codes=codes, n_codes=n_codes)


def _floats(texts: Sequence[str]) -> Float32s:
    return np.array([float(t) if t else np.nan for t in texts], dtype=np.float32)


def _aligned(values: Float32s, keys: Sequence[str], ids: Sequence[str]) -> Float32s:
    by_key = dict(zip(keys, values.tolist(), strict=True))
    return np.array([by_key.get(i, np.nan) for i in ids], dtype=np.float32)


def _notes(table: Table, keys: Sequence[str], side: Side, ids: Sequence[str]) -> Iterator[str]:
    if extra := len(set(keys) - set(ids)):
        yield f"{extra:,} {side}s of {table.path.name} have no interaction and are left out"
    if missing := len(set(ids) - set(keys)):
        yield f"{missing:,} {side}s have no row in {table.path.name}: their features are missing"
    if left := [f.split(":")[0] for f in table.header if f.endswith(":float_seq")]:
        yield f"{table.path.name}: float_seq features are not read ({', '.join(left)})"
