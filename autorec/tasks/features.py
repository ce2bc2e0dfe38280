"""Features of users and items: columns of a table with one row an id, joined to the ids of a log."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from autorec.domain.errors import DataError
from autorec.tasks.datasets import Categorical, Feature, Float32s, Int32s, Int64s, Numeric, Side

Kind = Literal["token", "token_seq", "float", "float_seq"]
LIST_MARK = "|"
MOSTLY_OWN, FEW_ROWS = 0.5, 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One feature: a cell a row, "" (or an empty list, or NaN) where it is missing.

    Cells of kind token are texts, of token_seq lists of texts, of float numbers. RecBole's float_seq is not read.
    """

    name: str
    kind: Kind
    cells: Sequence[str] | Sequence[Sequence[str]] | Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureTable:
    """Features of one side: `keys` are the raw ids, one a row; `name` is what notes call the file."""

    side: Side
    name: str
    keys: Sequence[str]
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()


def join(table: FeatureTable, ids: Sequence[str]) -> tuple[list[Feature], tuple[str, ...]]:
    """Features in the order of `ids`, and notes on what did not match.

    Of several rows with one id the last one counts. Raises DataError when no id of the table is among `ids`.
    """
    row_of = {key: row for row, key in enumerate(table.keys)}
    rows = [row_of.get(i, -1) for i in ids]
    missing = rows.count(-1)
    if missing == len(ids):
        raise DataError(
            f"{table.name}: none of its {len(row_of):,} {table.side} ids occurs among the interactions; "
            f"there the ids are like {ids[0]!r}, here like {next(iter(row_of), '')!r}",
            fix="check that both files name users and items alike, and that the id column is named as in the log",
        )
    features = [_feature(table.side, column, rows) for column in table.columns if column.kind != "float_seq"]
    return features, (*table.notes, *_unmatched(table, len(row_of), len(ids), missing))


def _feature(side: Side, column: Column, rows: Sequence[int]) -> Feature:
    if column.kind == "float":
        return Numeric(side=side, name=column.name, values=_numbers(column.cells, rows))
    cells = column.cells if column.kind == "token_seq" else [[cell] if cell else [] for cell in column.cells]
    indptr, codes, n_codes = _categories(cells, rows)  # type: ignore[arg-type]
    return Categorical(side=side, name=column.name, indptr=indptr, codes=codes, n_codes=n_codes)


def _numbers(cells: Sequence[object], rows: Sequence[int]) -> Float32s:
    """One a row, float32; NaN for row -1 and for what is no finite number of 32 bits."""
    values = np.append(np.array(cells, dtype=np.float64), np.nan)[np.array(rows, dtype=np.int64)]
    values[~(np.abs(values) <= np.finfo(np.float32).max)] = np.nan
    return values.astype(np.float32)


def _categories(cells: Sequence[Sequence[str]], rows: Sequence[int]) -> tuple[Int64s, Int32s, int]:
    """Row pointers, codes (numbered by sorted raw value) and the number of codes; row -1 has none."""
    vocabulary = {value: code for code, value in enumerate(sorted({v for cell in cells for v in cell if v}))}
    per_id = [[vocabulary[value] for value in cells[row] if value] if row >= 0 else [] for row in rows]
    indptr = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([len(codes) for codes in per_id], out=indptr[1:])
    return indptr, np.array([code for codes in per_id for code in codes], dtype=np.int32), len(vocabulary)


def _unmatched(table: FeatureTable, n_keys: int, n_ids: int, missing: int) -> Iterator[str]:
    if extra := n_keys - (n_ids - missing):
        yield f"{extra:,} {table.side}s of {table.name} have no interaction and are left out"
    if missing:
        yield f"{missing:,} {table.side}s have no row in {table.name}: their features are missing"
    if left := [column.name for column in table.columns if column.kind == "float_seq"]:
        yield f"{table.name}: float_seq features are not read ({', '.join(left)})"


def of_texts(
    side: Side, name: str, keys: Sequence[str], columns: Mapping[str, Sequence[str]], kinds: Mapping[str, Kind]
) -> FeatureTable:
    """A table of columns of text. A kind that is not given is guessed, and what tells nothing is left out and noted.

    Numbers are floats, texts with bars in them lists, other texts tokens. A token column in which most rows have a
    value of their own is one more id, and left out.
    """
    found, left = [], []
    for title, texts in columns.items():
        kind = kinds.get(title) or _guess(texts)
        if kind == "token" and title not in kinds and _names_rows(texts):
            left.append(title)
        else:
            found.append(Column(name=title, kind=kind, cells=_cells(texts, kind)))
    notes = (f"{name}: left out, as nearly every row has a value of its own: {', '.join(left)}",) if left else ()
    return FeatureTable(side=side, name=name, keys=keys, columns=tuple(found), notes=notes)


def _guess(texts: Sequence[str]) -> Kind:
    filled = [text for text in texts if text]
    if filled and all(map(_is_number, filled)):
        return "float"
    return "token_seq" if any(LIST_MARK in text for text in filled) else "token"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _names_rows(texts: Sequence[str]) -> bool:
    filled = [text for text in texts if text]
    return len(filled) >= FEW_ROWS and len(set(filled)) > MOSTLY_OWN * len(filled)


def _cells(texts: Sequence[str], kind: Kind) -> Sequence[str] | Sequence[Sequence[str]] | Sequence[float]:
    """Cells of text as their kind has them; lists are parted by bars, else by blanks."""
    if kind == "float":
        return [float(text) if text else math.nan for text in texts]
    if kind != "token_seq":
        return texts
    mark = LIST_MARK if any(LIST_MARK in text for text in texts) else None
    return [[value for value in text.split(mark) if value] for text in texts]
