"""Whatever bytes a candidate writes, the reader answers with lists that keep the contract, or with one error."""

from io import BytesIO

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autorec.domain.errors import MalformedPredictions
from autorec.judging.reading import read_topk

ROWS, K_MAX, N_ITEMS = 3, 4, 9


def saved(lists: list[list[int]]) -> bytes:
    buffer = BytesIO()
    np.save(buffer, np.array(lists, dtype=np.int32))
    return buffer.getvalue()


VALID = saved([[0, 1, 2], [8, 7, -1], [-1, -1, -1]])
item_lists = st.lists(st.lists(st.integers(-3, 11), min_size=3, max_size=3), min_size=3, max_size=3)
shapes = st.text("0123456789,() -'", max_size=20).map(str.encode)


def assert_read_or_refused(content: bytes) -> None:
    try:
        lists = read_topk(content, ROWS, K_MAX, N_ITEMS)
    except MalformedPredictions as error:
        assert str(error)
        return
    assert lists.dtype == np.int32 and lists.shape[0] == ROWS and 1 <= lists.shape[1] <= K_MAX
    for row in lists.tolist():
        items = [item for item in row if item != -1]
        assert row == items + [-1] * (len(row) - len(items)), "-1 only ends a row"
        assert len(set(items)) == len(items) and all(0 <= item < N_ITEMS for item in items)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
@example(b"\x93NUMPY\x01\x00\x00\x00")
def test_random_bytes(content: bytes) -> None:
    assert_read_or_refused(content)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_after_the_magic(content: bytes) -> None:
    assert_read_or_refused(VALID[:10] + content)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_changed_bytes(changes: list[tuple[int, int]]) -> None:
    content = bytearray(VALID)
    for place, value in changes:
        content[place] = value
    assert_read_or_refused(bytes(content))


@settings(max_examples=300, deadline=None)
@given(shapes)
@example(b"(-3, 3)")
@example(b"(3, 3, )")
@example(b"(" + b"9" * 40 + b", 3)")
def test_changed_shapes(shape: bytes) -> None:
    assert_read_or_refused(VALID.replace(b"(3, 3)", shape))


@settings(max_examples=300, deadline=None)
@given(item_lists)
def test_any_lists(lists: list[list[int]]) -> None:
    assert_read_or_refused(saved(lists))
