"""The reader of top-k files: what it takes, and what it says to what it refuses."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray

from autorec.domain.errors import MalformedPredictions
from autorec.judging.reading import read_topk

GOOD = np.array([[3, 1, 0], [2, -1, -1]], dtype=np.int32)


def npy(array: NDArray[np.generic]) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def with_cell(value: int, row: int = 0, place: int = 0) -> bytes:
    changed = GOOD.copy()
    changed[row, place] = value
    return npy(changed)


def test_what_numpy_saves_is_read() -> None:
    assert (read_topk(npy(GOOD), 2, 5, 4) == GOOD).all()


def test_a_list_may_be_empty_and_narrower_than_asked_for() -> None:
    assert read_topk(npy(np.full((2, 1), -1, dtype=np.int32)), 2, 5, 4).tolist() == [[-1], [-1]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"begins with b''; expected a .npy file"),
        (npy(GOOD)[:9], "expected a .npy file of version 1.0"),
        (b"\x93NUMPY\x02\x00" + npy(GOOD)[8:], "version 1.0"),
        (npy(GOOD)[:-4], r"holds 20 bytes after its header; expected 24 for int32 \[2, 3\]"),
        (npy(GOOD) + b"\0", "holds 25 bytes after its header; expected 24"),
        (npy(GOOD)[:8] + b"\xff\xff" + npy(GOOD)[10:], "claims to end at byte 65545"),
        (npy(GOOD.astype(np.int64)), "holds '<i8'; expected int32"),
        (npy(GOOD.astype(">i4")), "holds '>i4'; expected int32"),
        (npy(GOOD.astype(np.float32)), "holds '<f4'; expected int32"),
        (npy(np.array([[{}, {}], [{}, {}]])), r"holds '\|O'; expected int32"),
        (npy(np.zeros((2, 3), dtype=[("a", "<i4")])), "expected int32"),
        (npy(np.asfortranarray(GOOD)), "Fortran order; expected C order"),
        (npy(GOOD.ravel()), r"shape \(6,\); expected two dimensions, \(2, k\)"),
        (npy(GOOD.reshape(1, 2, 3)), "expected two dimensions"),
        (npy(GOOD[:1]), r"shape \(1, 3\); expected \(2, k\)"),
        (npy(np.zeros((2, 0), dtype=np.int32)), "k from 1 to 5"),
        (npy(np.zeros((2, 6), dtype=np.int32)), "k from 1 to 5"),
        (npy(GOOD).replace(b"(2, 3)", b"(9**9)"), "not one that numpy.save writes"),
        (with_cell(4), "row 0, place 0 of the top-k file holds 4; expected an item id from 0 to 3"),
        (with_cell(-2, 1, 2), "row 1, place 2 of the top-k file holds -2"),
        (with_cell(-1), "row 0 of the top-k file holds -1 at place 0 and an item after it"),
        (with_cell(1), "row 0 of the top-k file holds item 1 twice"),
        (with_cell(2, 1, 1), "row 1 of the top-k file holds item 2 twice"),
    ],
)
def test_what_breaks_the_contract_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(MalformedPredictions, match=reason):
        read_topk(content, 2, 5, 4)


def test_a_header_that_lies_about_its_size_allocates_nothing() -> None:
    content = npy(GOOD).replace(b"(2, 3), }      ", b"(2, 99999999)}").replace(b"(2, 3)", b"(2, 4)")
    with pytest.raises(MalformedPredictions):
        read_topk(content, 2, 10**9, 4)


def test_the_same_item_in_two_rows_is_no_duplicate() -> None:
    lists = np.array([[0, 1], [1, 0], [0, 1]], dtype=np.int32)
    assert (read_topk(npy(lists), 3, 2, 2) == lists).all()
