"""Text is the same data set through duckdb and through the plain reader, or duckdb declines."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autorec.domain.errors import DataError
from autorec.tasks import columnar, plain
from autorec.tasks.canonical import Log, assemble
from autorec.tasks.delimited import open_table
from autorec.tasks.header import find_columns

pytest.importorskip("duckdb", reason="needs the extra autorec[data]")

HEADER = ("user", "item", "ts", "rating", "title")
ids = st.one_of(
    st.integers(-5, 5).map(str),
    st.sampled_from(
        ["007", "-0", "9" * 30, "-" + "9" * 18, "NULL", "nan", "1.0", "a b", "ü片", '"', 'x"y', "a,b", " a"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4),
)
whole = st.integers(-(10**17), 10**17).map(str)
times = st.one_of(
    st.lists(whole, min_size=8, max_size=8),
    st.lists(st.floats(0, 1e9).map(lambda x: f"{x:.3f}"), min_size=8, max_size=8),
    st.lists(st.datetimes().map(lambda d: d.isoformat()), min_size=8, max_size=8),
    st.lists(
        st.one_of(whole, st.sampled_from(["", "1e5", "1_0", "+3", " 7", "2024-02-30", "2024-01-01"])),
        min_size=8,
        max_size=8,
    ),
)
values = st.one_of(st.floats(-1e6, 1e6).map(lambda x: f"{x:.2f}"), st.sampled_from(["5", "1e3", "inf", ""]))
titles = st.sampled_from(["", "plain", 'said "hi", left', "two\nlines", "bar|semi;", "'"])


def read(module: object, path: Path) -> Log | None:
    table = open_table(path, delimiter=",")
    return module.read([table], [find_columns(table, {})])  # type: ignore[attr-defined,no-any-return]


def digest(log: Log) -> str:
    return assemble(log, name="any").digest


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(ids, ids, values, titles), min_size=8, max_size=8),
    times,
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONE]),
)
@example([("a", "x", "1", "t")] * 4 + [("b", "y", "2", "t")] * 4, [str(n) for n in range(8)], "\n", csv.QUOTE_ALL)
def test_both_ways_agree(
    tmp_path: Path, rows: list[tuple[str, str, str, str]], times: list[str], end: str, quoting: int
) -> None:
    out = io.StringIO()
    if quoting == csv.QUOTE_NONE:
        out.write("".join(",".join((u, i, t, v, title)) + end for (u, i, v, title), t in zip(rows, times, strict=True)))
    else:
        writer = csv.writer(out, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
        writer.writerows((u, i, t, v, title) for (u, i, v, title), t in zip(rows, times, strict=True))
    path = tmp_path / "log.csv"
    path.write_bytes((",".join(HEADER) + end + out.getvalue()).encode())
    fast = read(columnar, path)
    if fast is None:
        return
    try:
        assert digest(fast) == digest(read(plain, path))  # type: ignore[arg-type]
    except DataError as error:
        assert "expected at least 2" in str(error), "what the plain reader refuses, duckdb declines"


def test_ordinary_text_is_not_declined(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,item,ts,rating\n" + "".join(f"u{n % 3},ü{n % 5},{n},{n / 2}\n" for n in range(20)))
    fast, slow = read(columnar, path), read(plain, path)
    assert fast is not None and slow is not None
    assert digest(fast) == digest(slow)
