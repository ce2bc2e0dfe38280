"""Whatever bytes a candidate writes, the reader answers with lists or scores that keep the contract, or one error."""

import tracemalloc
from io import BytesIO

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autorec.domain.errors import MalformedPredictions
from autorec.judging.reading import read_probabilities, read_topk

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


def npy(array: np.ndarray, **how: object) -> bytes:
    buffer = BytesIO()
    np.lib.format.write_array(buffer, array, **how)  # type: ignore[arg-type]
    return buffer.getvalue()


SCORES = npy(np.array([0.0, 0.5, 1.0], dtype=np.float32))


def assert_scores_or_refused(content: bytes) -> None:
    try:
        scores = read_probabilities(content, ROWS)
    except MalformedPredictions as error:
        assert str(error)
        return
    assert scores.dtype == np.float32 and scores.shape == (ROWS,)
    assert bool(((scores >= 0) & (scores <= 1)).all())


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_as_scores(content: bytes, after_the_magic: bool) -> None:
    assert_scores_or_refused(SCORES[:10] + content if after_the_magic else content)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SCORES) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_changed_bytes_of_scores(changes: list[tuple[int, int]]) -> None:
    content = bytearray(SCORES)
    for place, value in changes:
        content[place] = value
    assert_scores_or_refused(bytes(content))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(width=32), min_size=3, max_size=3))
@example([float("nan"), 0.5, 0.5])
@example([0.5, float("inf"), 0.5])
@example([-0.0, 0.0, 1.0])
def test_scores_are_probabilities_or_refused(values: list[float]) -> None:
    content = npy(np.array(values, dtype=np.float32))
    fine = all(0.0 <= value <= 1.0 for value in values)
    if fine:
        assert read_probabilities(content, ROWS).tolist() == values
    else:
        with pytest.raises(MalformedPredictions, match="expected a probability from 0 to 1"):
            read_probabilities(content, ROWS)


LISTS = np.array([[0, 1, 2], [8, 7, -1], [-1, -1, -1]])
OTHER_FORMS = {
    "big-endian": npy(LISTS.astype(">i4")),
    "int64": npy(LISTS),
    "float32": npy(LISTS.astype(np.float32)),
    "Fortran order": npy(np.asfortranarray(LISTS.astype(np.int32))),
    "pickled objects": npy(LISTS.astype(object), allow_pickle=True),
    "records": npy(np.zeros(3, dtype=[("a", "<i4", 3)])),
    "text": npy(LISTS.astype("S4")),
    "times": npy(LISTS.astype("<M8[s]")),
    "format 2": npy(LISTS.astype(np.int32), version=(2, 0)),
    "format 3": npy(LISTS.astype(np.int32), version=(3, 0)),
    "one dimension": npy(LISTS.astype(np.int32)[0]),
    "three dimensions": npy(LISTS.astype(np.int32)[np.newaxis]),
    "no rows": npy(LISTS.astype(np.int32)[:0]),
    "too many rows": npy(np.tile(LISTS, (2, 1)).astype(np.int32)),
    "no columns": npy(LISTS.astype(np.int32)[:, :0]),
    "too wide": npy(np.tile(np.arange(K_MAX + 1, dtype=np.int32), (ROWS, 1))),
    "trailing bytes": VALID + b"\0",
    "truncated": VALID[:-1],
    "header alone": VALID[:-36],
    "empty": b"",
    "two files": VALID + VALID,
    "zip": b"PK\x03\x04" + VALID,
}


@pytest.mark.parametrize("content", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
def test_every_other_form_is_refused(content: bytes) -> None:
    """The control: numpy itself reads most of these, pickles among them when it is asked to."""
    with pytest.raises(MalformedPredictions):
        read_topk(content, ROWS, K_MAX, N_ITEMS)
    with pytest.raises(MalformedPredictions):
        read_probabilities(content, ROWS)


@settings(max_examples=100, deadline=None)
@given(st.integers(4, 10**18), st.integers(1, 10**18))
def test_a_huge_shape_is_refused_before_anything_is_allocated(rows: int, width: int) -> None:
    tracemalloc.start()
    for shape in (f"({rows}, {width})", f"({rows},)"):
        header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}, }}".encode()
        padded = header + b" " * (117 - len(header)) + b"\n"
        content = b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + b"\0" * 64
        with pytest.raises(MalformedPredictions):
            read_topk(content, ROWS, K_MAX, N_ITEMS)
        with pytest.raises(MalformedPredictions):
            read_probabilities(content.replace(b"<i4", b"<f4"), ROWS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
