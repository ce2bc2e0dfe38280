"""What a kept state holds: how many numbers, and whether its tables of vectors have collapsed.

A state is a file that a candidate's harness wrote. `safetensors` reads it, which checks every offset and runs nothing.
"""

import re
from collections.abc import Collection, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autorec.domain.diagnosis import RANK_DECIMALS, Table, Weights

MOST_TABLES = 6
MOST_ROWS = 20_000
"""Of more rows so many are looked at, evenly spaced."""
COLUMNS = range(2, 513)
TALL = 8
LEAST_ROWS = 512
FEWEST_ROWS = 10
HEADER_BYTES = 1 << 22
"""A longer header names tens of thousands of tensors, each of which takes much more memory here than it has bytes."""
EXTRA = (0, 1, 2)
"""Rows beyond users or items, for padding and the like."""
_FLOATS = {"F16": np.float16, "F32": np.float32, "F64": np.float64}
_NAME = re.compile(r"[\w.]{1,60}", re.ASCII)


def weigh(state: bytes, counts: Collection[int]) -> Weights | None:
    """The size of a state and the effective rank of its tables, the largest first; None for what is no state, or one
    with too many tensors to look at.

    A table has a row for each of so many users or items (`counts`), or is tall: many more rows than columns. Weights
    that stand beside indices of the same shape are lists of neighbours, and no table.
    """
    import safetensors

    if int.from_bytes(state[:8], "little") > HEADER_BYTES:
        return None
    try:
        tensors = dict(safetensors.deserialize(state))  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError:
        return None
    indices = {tuple(t["shape"]) for t in tensors.values() if t["dtype"].startswith(("I", "U"))}
    found = [
        (name, tensor)
        for name, tensor in tensors.items()
        if _is_table(tensor["dtype"], tensor["shape"], counts) and tuple(tensor["shape"]) not in indices
    ]
    found.sort(key=lambda pair: (-prod(pair[1]["shape"]), pair[0]))
    tables = (_table(name, tensor, place) for place, (name, tensor) in enumerate(found[:MOST_TABLES], 1))
    return Weights(
        n_numbers=sum(prod(tensor["shape"]) for tensor in tensors.values()),
        tables=tuple(table for table in tables if table is not None),
    )


def effective_rank(vectors: NDArray[np.floating[Any]]) -> float:
    """The exponential of the entropy of the singular values over their sum, for float [n, d]; 0 where all is zero.

    From 1, where all vectors lie on one line, to min(n, d), where all directions weigh alike (Roy and Vetterli 2007,
    The effective rank: a measure of effective dimensionality, eq. 4).
    """
    wide = vectors.astype(np.float64)
    squares = np.clip(np.linalg.eigvalsh(wide.T @ wide), 0.0, None)
    values = np.sqrt(np.where(squares > squares.max() * len(squares) * np.finfo(np.float64).eps, squares, 0.0))
    if not values.any():
        return 0.0
    p = values[values > 0] / values.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def _is_table(dtype: str, shape: list[int], counts: Collection[int]) -> bool:
    if dtype not in (*_FLOATS, "BF16") or len(shape) != 2 or shape[0] < FEWEST_ROWS or shape[1] not in COLUMNS:
        return False
    rows, columns = shape
    return any(rows - n in EXTRA for n in counts) or rows >= max(LEAST_ROWS, TALL * columns)


def _table(name: str, tensor: Mapping[str, Any], place: int) -> Table | None:
    """None where it holds what is no number, or so large a one that squares of it are none."""
    rows, columns = tensor["shape"]
    vectors = _vectors(tensor)[:: -(-rows // MOST_ROWS)]
    if not np.isfinite(vectors).all() or np.abs(vectors).max() > np.finfo(np.float32).max:
        return None
    return Table(
        name=name if _NAME.fullmatch(name) else f"table {place}",
        rows=rows,
        columns=columns,
        effective_rank=round(effective_rank(vectors), RANK_DECIMALS),
    )


def _vectors(tensor: Mapping[str, Any]) -> NDArray[np.floating[Any]]:
    if tensor["dtype"] == "BF16":
        raw = np.frombuffer(tensor["data"], dtype="<u2").astype(np.uint32) << 16
        return raw.view(np.float32).reshape(tensor["shape"])
    return np.frombuffer(tensor["data"], dtype=_FLOATS[tensor["dtype"]]).reshape(tensor["shape"])
