"""Reads a file that untrusted code wrote: bytes in, checked lists or scores out, or a reason for the author.

The header is matched against the one form that `numpy.save` writes; nothing in it is evaluated, and nothing is
allocated before dtype, order, shape and size agree with what was asked for. The payload is then viewed in place.
"""

import re

import numpy as np
from numpy.typing import NDArray

from autorec.domain.errors import MalformedPredictions

PAD = -1
_PREFIX_BYTES = 10
_MAX_HEADER_BYTES = 512
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': (?P<descr>[^{}]{1,200}), 'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<shape>[0-9, ]{0,60})\), \} *\n"
)


def read_topk(content: bytes, rows: int, k_max: int, n_items: int) -> NDArray[np.int32]:
    """The lists, int32 [rows, k] with 1 <= k <= k_max; a read-only view of `content`.

    Every value is an item id in [0, n_items) or -1, -1 only at the end of a row, and no item twice in a row.

    Raises MalformedPredictions for anything else.
    """
    shape, offset = _checked_header(content, "top-k file", "int32", "<i4")
    k = _checked_width(shape, rows, k_max)
    payload = len(content) - offset
    if payload != rows * k * 4:
        raise MalformedPredictions(
            f"the top-k file holds {payload} bytes after its header; expected {rows * k * 4} for int32 [{rows}, {k}]"
        )
    lists = np.frombuffer(content, dtype="<i4", offset=offset).reshape(rows, k)
    _check_range(lists, n_items)
    _check_padding(lists)
    _check_duplicates(lists)
    return lists


def read_probabilities(content: bytes, rows: int) -> NDArray[np.float32]:
    """The probabilities, float32 [rows], each from 0 to 1; a read-only view of `content`.

    Raises MalformedPredictions for anything else.
    """
    shape, offset = _checked_header(content, "file of scores", "float32", "<f4")
    if [part.strip() for part in shape.rstrip(", ").split(",")] != [str(rows)]:
        raise MalformedPredictions(
            f"the file of scores has the shape ({shape}); expected ({rows},), one probability a row"
        )
    payload = len(content) - offset
    if payload != rows * 4:
        raise MalformedPredictions(
            f"the file of scores holds {payload} bytes after its header; expected {rows * 4} for float32 [{rows}]"
        )
    scores = np.frombuffer(content, dtype="<f4", offset=offset)
    fine = (scores >= 0.0) & (scores <= 1.0)
    if not fine.all():
        row = int(np.argmin(fine))
        raise MalformedPredictions(
            f"row {row} of the file of scores holds {scores[row]}; expected a probability from 0 to 1, and so of "
            f"{np.count_nonzero(~fine)} rows in all"
        )
    return scores


def _checked_header(content: bytes, what: str, kind: str, descr: str) -> tuple[str, int]:
    """The shape as it is written, without its brackets, and where the payload begins."""
    if not content.startswith(_MAGIC) or len(content) < _PREFIX_BYTES:
        raise MalformedPredictions(
            f"the {what} begins with {content[:8]!r}; expected a .npy file of version 1.0, as numpy.save writes it"
        )
    end = _PREFIX_BYTES + int.from_bytes(content[8:10], "little")
    if end > min(len(content), _MAX_HEADER_BYTES):
        raise MalformedPredictions(f"the .npy header of the {what} claims to end at byte {end}; expected 128 or so")
    header = _HEADER.fullmatch(content[_PREFIX_BYTES:end])
    if header is None:
        raise MalformedPredictions(f"the .npy header of the {what} is not one that numpy.save writes")
    if header["descr"] != f"'{descr}'".encode():
        raise MalformedPredictions(f"the {what} holds {header['descr'].decode('ascii', 'replace')}; expected {kind}")
    if header["fortran"] == b"True":
        raise MalformedPredictions(f"the {what} is in Fortran order; expected C order (numpy.ascontiguousarray)")
    return header["shape"].decode(), end


def _checked_width(text: str, rows: int, k_max: int) -> int:
    shape = [part.strip() for part in text.split(",")]
    if len(shape) != 2 or not all(part.isdecimal() for part in shape):
        raise MalformedPredictions(f"the top-k file has the shape ({text}); expected two dimensions, ({rows}, k)")
    n_rows, k = int(shape[0]), int(shape[1])
    if n_rows != rows or not 1 <= k <= k_max:
        raise MalformedPredictions(
            f"the top-k file has the shape ({n_rows}, {k}); "
            f"expected ({rows}, k), one row a user asked for and k from 1 to {k_max}"
        )
    return k


def _check_range(lists: NDArray[np.int32], n_items: int) -> None:
    if lists.size and (lists.min() < PAD or lists.max() >= n_items):
        row, place = np.argwhere((lists < PAD) | (lists >= n_items))[0]
        raise MalformedPredictions(
            f"row {row}, place {place} of the top-k file holds {lists[row, place]}; "
            f"expected an item id from 0 to {n_items - 1}, or -1 at the end of a row"
        )


def _check_padding(lists: NDArray[np.int32]) -> None:
    if not lists.size or lists.min() >= 0:
        return
    empty = lists == PAD
    broken = empty[:, :-1] & ~empty[:, 1:]
    if broken.any():
        row, place = np.argwhere(broken)[0]
        raise MalformedPredictions(
            f"row {row} of the top-k file holds -1 at place {place} and an item after it; -1 may only end a row"
        )


def _check_duplicates(lists: NDArray[np.int32]) -> None:
    k = lists.shape[1]
    ordered = np.sort(lists, axis=1).ravel()
    twice = (ordered[1:] == ordered[:-1]) & (ordered[1:] != PAD)
    twice[k - 1 :: k] = False  # the end of a row and the start of the next
    if twice.any():
        first = int(twice.argmax())
        raise MalformedPredictions(
            f"row {first // k} of the top-k file holds item {ordered[first]} twice; expected each item once a row"
        )
