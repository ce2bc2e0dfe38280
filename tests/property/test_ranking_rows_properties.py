"""Rows of ranking are the same data set through duckdb and through the small reader, or duckdb declines."""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autorec.domain.errors import DataError
from autorec.domain.job import Part
from autorec.tasks.columnar_text import Declined
from autorec.tasks.parts import rows_of
from autorec.tasks.ranking import columnar, plain
from autorec.tasks.ranking.bundle import write_query, write_training
from autorec.tasks.ranking.formats import recognise
from autorec.tasks.ranking.impressions import Impressions
from autorec.tasks.ranking.readers import impressions
from autorec.tasks.ranking.splits import split
from autorec.tasks.ranking.vocabulary import learn

duckdb = pytest.importorskip("duckdb", reason="needs the extra autorec[data]")

ROWS = 40
missing = st.sampled_from(["", "NA", "nan", "NULL", "None", "\\N"])
whole = st.integers(-99, 99).map(str)
reals = st.one_of(whole, st.floats(-1e6, 1e6).map(repr), st.floats(width=32, allow_infinity=False).map(repr))
odd_numbers = st.sampled_from(["+3", "1_0", "-0", "007", "1e39", "inf", ".5", "5.", "٣", "9" * 25, "1e-400"])
words = st.one_of(
    st.sampled_from(["a", "b", "c d", "ü片", "x'y", 'x"y', "a,b", "two\nlines", "\x7f", "e\u0301", "1", "true"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0 "), max_size=4),
)
seconds = st.integers(0, 2 * 10**18).map(str)
dates = st.datetimes().map(lambda moment: moment.isoformat())
odd_dates = st.sampled_from(["2024-02-30", "2024-01-01", "20240101", "2024-01-01T00:00:00+02:00", "later"])


def column(*usual: st.SearchStrategy[str], odd: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """Mostly of one kind, with and without values missing; at times one odd value, or several kinds."""
    kinds = [st.lists(kind, min_size=ROWS, max_size=ROWS) for own in usual for kind in (own, st.one_of(own, missing))]
    one_odd = st.tuples(st.one_of(kinds), odd, st.integers(0, ROWS - 1)).map(
        lambda drawn: [*drawn[0][: drawn[2]], drawn[1], *drawn[0][drawn[2] + 1 :]]
    )
    return st.one_of(*kinds, *kinds, one_odd)


good_labels = st.integers(0, 9).map(lambda start: [str(int(row % 3 == start % 3)) for row in range(ROWS)])
labels = st.one_of(*[good_labels] * 8, column(st.sampled_from(["0", "1.0", "true", "False"]), odd=st.just("2")))
tables = st.fixed_dictionaries(
    {
        "label": labels,
        "price": column(reals, odd=st.one_of(odd_numbers, st.just(" 7"))),
        "colour": column(words, reals, odd=st.just(" padded")),
        "shop_id": column(whole, words, odd=odd_numbers),
        "user": column(st.sampled_from(["1", "2", "03"]), words, odd=odd_numbers),
        "time": st.one_of(
            *[st.lists(own, min_size=ROWS, max_size=ROWS) for own in (seconds, dates, st.floats(0, 2e9).map(repr))],
            column(seconds, dates, odd=st.one_of(odd_numbers, odd_dates)),
        ),
        "seen": column(dates, odd=odd_dates),
    }
)
readings = st.sampled_from(
    [{}, {}, {"timestamp": "seen"}, {"categorical": "price"}, {"numeric": "colour"}, {"ignore": "time"}]
)
example_table = {
    "label": ["0", "1", "1", "0"] * 10,
    "price": ["1.5", "", "-2e-05", "7"] * 10,
    "colour": ["red", "blue", "NA", "red"] * 10,
    "shop_id": ["1", "2", "3", "1"] * 10,
    "user": ["u", "v", "", "u"] * 10,
    "time": [str(1_700_000_000_000_000_000 + n) for n in range(ROWS)],
    "seen": ["2024-01-01", "", "2024-01-02T03:04:05.6", ""] * 10,
}


def write(path: Path, table: dict[str, list[str]], quoting: int, end: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return path


def small(path: Path, named: dict[str, str]) -> Impressions | str:
    source = recognise(path, named)
    try:
        return impressions(source, plain.gathered(source.tables, source.names), named)  # type: ignore[arg-type]
    except DataError as error:
        return str(error)


def at_size(path: Path, named: dict[str, str]) -> Impressions | str:
    source = recognise(path, named)
    with columnar.stored(source.tables, source.names) as raw:
        try:
            return impressions(source, raw, named)
        except DataError as error:
            return str(error)


def everything(rows: Impressions, folder: Path) -> object:
    """What follows from rows: digests, notes, the split, and the bytes of all bundles."""
    found: list[object] = [rows.digest, rows.source_digest, rows.notes]
    try:
        cut = split(rows)
    except DataError as error:
        return [*found, str(error)]
    vocabularies = [learn(field, rows_of(cut.part, Part.TRAIN)) for field in rows.fields]
    write_training(rows, cut, vocabularies, b"s", (Part.TRAIN,), folder / "data")
    write_query(rows, cut, vocabularies, b"s", Part.TEST, folder / "query", {})
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [*found, cut.digest, [(file.name, file.read_bytes()) for file in files]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables, readings, st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@example(example_table, {}, "\n", csv.QUOTE_MINIMAL)
def test_both_ways_agree(
    tmp_path_factory: pytest.TempPathFactory,
    table: dict[str, list[str]],
    named: dict[str, str],
    end: str,
    quoting: int,
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    path = write(folder / "rows.csv", table, quoting, end)
    try:
        fast = at_size(path, named)
    except Declined:
        return
    slow = small(path, named)
    if isinstance(slow, str) or isinstance(fast, str):
        assert slow == fast
    else:
        assert everything(slow, folder / "slow") == everything(fast, folder / "fast")


def test_ordinary_text_is_not_declined(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", example_table, csv.QUOTE_MINIMAL, "\n")
    fast = at_size(path, {})
    assert isinstance(fast, Impressions)
    assert fast.timestamps is not None and fast.timestamps.tolist() == [1_700_000_000] * ROWS
