"""Reading logs: formats, timestamps, and every bad input with a message that says what to do."""

import random
from pathlib import Path

import numpy as np
import pytest

from autorec.domain.errors import DataError
from autorec.tasks.datasets import Categorical, Dataset, Numeric
from autorec.tasks.readers import load


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def triples(dataset: Dataset) -> set[tuple[str, str, int]]:
    times = dataset.timestamps if dataset.timestamps is not None else np.zeros(dataset.n_interactions)
    return {
        (dataset.user_ids[u], dataset.item_ids[i], int(t))
        for u, i, t in zip(dataset.users, dataset.items, times, strict=True)
    }


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize(
    "header",
    [
        ("user_id", "item_id", "timestamp", "rating"),
        ("userId", "movieId", "ts", "Click"),
        ("UID", "IID", "Time", "label"),
    ],
)
def test_delimiter_and_usual_names_are_found(tmp_path: Path, delimiter: str, header: tuple[str, ...]) -> None:
    rows = [header, ("a", "x", "5", "1.5"), ("b", "y", "6", "2"), ("a", "y", "7", "3")]
    dataset = load(write(tmp_path / "log.csv", "\n".join(delimiter.join(row) for row in rows)))
    assert triples(dataset) == {("a", "x", 5), ("b", "y", 6), ("a", "y", 7)}
    assert dataset.values is not None and sorted(dataset.values.tolist()) == [1.5, 2.0, 3.0]
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == (2, 2, 3)


def test_named_columns_and_columns_switched_off(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "customer,sku,when,rating\na,x,1,bad\nb,y,2,worse\n")
    dataset = load(path, columns={"user": "customer", "item": "sku", "timestamp": "when", "value": ""})
    assert triples(dataset) == {("a", "x", 1), ("b", "y", 2)}
    assert dataset.values is None


def test_neither_row_order_nor_name_matters(tmp_path: Path) -> None:
    rows = [f"u{i % 7},i{i % 11},{i // 3}" for i in range(60)]
    first = load(write(tmp_path / "one.csv", "user,item,ts\n" + "\n".join(rows)))
    random.Random(0).shuffle(rows)
    second = load(write(tmp_path / "two.csv", "user,item,ts\n" + "\n".join(rows)))
    assert first.digest == second.digest
    assert np.array_equal(first.items, second.items)
    changed = load(write(tmp_path / "three.csv", "user,item,ts\n" + "\n".join([*rows[1:], "u0,i0,999"])))
    assert changed.digest != first.digest


def test_rows_are_sorted_by_user_then_time(tmp_path: Path) -> None:
    dataset = load(write(tmp_path / "log.csv", "user,item,ts\nb,x,9\na,y,8\nb,y,2\na,x,3\n"))
    assert [dataset.user_ids[u] for u in dataset.users] == ["a", "a", "b", "b"]
    assert dataset.timestamps is not None and dataset.timestamps.tolist() == [3, 8, 2, 9]


def test_ids_of_any_kind(tmp_path: Path) -> None:
    ids = ["-7", "9" * 40, "Ünï 码", "007", "7", '"quoted, id"']
    path = write(tmp_path / "log.csv", "user,item\n" + "\n".join(f"{i},{j}" for i in ids for j in ids[:2]))
    assert set(load(path).user_ids) == {i.strip('"') for i in ids}


def test_byte_order_mark_blank_lines_and_carriage_returns(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"\xef\xbb\xbfuser,item\r\n\r\na,x\r\nb,y\r\n\r\n")
    assert triples(load(path)) == {("a", "x", 0), ("b", "y", 0)}


@pytest.mark.parametrize(
    ("texts", "seconds", "note"),
    [
        (("881250949", "881250950"), (881250949, 881250950), ""),
        (("16777216", "16777217"), (16777216, 16777217), ""),
        (("-5", "12"), (-5, 12), ""),
        (("1700000000123", "1700000000456"), (1700000000, 1700000000), "milliseconds"),
        (("1700000000000123", "1700000001000456"), (1700000000, 1700000001), "microseconds"),
        (("1700000000000000123", "1700000001000000456"), (1700000000, 1700000001), "nanoseconds"),
        (("881250949.0", "881250950.0"), (881250949, 881250950), ""),
        (("8.5", "9.25"), (8, 9), ""),
        (("8", "9.25"), (8, 9), ""),
        (("1970-01-02", "1970-01-03"), (86400, 172800), "UTC"),
        (("1970-01-01T01:00:00+01:00", "1970-01-01T00:00:09.5Z"), (0, 9), ""),
    ],
)
def test_timestamps(tmp_path: Path, texts: tuple[str, str], seconds: tuple[int, int], note: str) -> None:
    dataset = load(write(tmp_path / "log.csv", f"user,item,ts\na,x,{texts[0]}\nb,y,{texts[1]}\n"))
    assert dataset.timestamps is not None and dataset.timestamps.dtype == np.int64
    assert tuple(dataset.timestamps.tolist()) == seconds
    assert note in " ".join(dataset.notes)


def test_fractions_beside_a_time_that_is_too_large_for_microseconds(tmp_path: Path) -> None:
    rows = "".join(f"a,i{n},{n}.5\n" for n in range(3))
    dataset = load(write(tmp_path / "log.csv", f"user,item,ts\nb,i0,1e16\n{rows}"))
    assert dataset.timestamps is not None
    assert dataset.timestamps.tolist() == [0, 1, 2, 10**16]


def test_order_below_a_second_is_kept(tmp_path: Path) -> None:
    rows = [f"a,i{n},{1_700_000_000_000 + n}" for n in range(9)]
    dataset = load(write(tmp_path / "log.csv", "user,item,ts\nb,i0,1700000000000\n" + "\n".join(rows)))
    assert [dataset.item_ids[i] for i in dataset.items[:9]] == [f"i{n}" for n in range(9)]


def test_duplicates_are_kept_once_and_repeats_all(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user,item,ts,rating\na,x,1,2\na,x,1,5\na,x,1,3\na,x,9,1\nb,y,1,1\n")
    dataset = load(path)
    assert triples(dataset) == {("a", "x", 1), ("a", "x", 9), ("b", "y", 1)}
    assert dataset.values is not None and dataset.values.tolist() == [5, 1, 1]
    assert "2 duplicate rows" in dataset.notes[1]
    assert "1 rows repeat" in dataset.notes[2]


def given_folder(folder: Path, train: str, valid: str, test: str, suffix: str = "csv") -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in (("train", train), ("valid", valid), ("test", test)):
        write(folder / f"{name}.{suffix}", f"user,item,ts\n{rows}\n")
    return folder


def test_given_files(tmp_path: Path) -> None:
    dataset = load(given_folder(tmp_path / "g", "a,x,1\na,y,2\nb,x,1", "a,z,3\nb,y,4", "b,w,9\nb,x,1"))
    assert dataset.given is not None
    assert dataset.name == "g"
    assert dataset.item_ids == ("w", "x", "y", "z")
    rows = zip(dataset.users, dataset.items, dataset.given, strict=True)
    by_pair = {(dataset.user_ids[u], dataset.item_ids[i]): int(g) for u, i, g in rows}
    expected = {("a", "x"): 0, ("a", "y"): 0, ("b", "x"): 0, ("a", "z"): 1, ("b", "y"): 1, ("b", "w"): 2}
    assert by_pair == expected, "a row of both train and test stays in train"


def test_given_files_lacking_one(tmp_path: Path) -> None:
    folder = given_folder(tmp_path / "g", "a,x,1", "b,y,1", "b,w,9", suffix="tsv")
    (folder / "valid.tsv").unlink()
    with pytest.raises(DataError, match=r"no valid\.csv"):
        load(folder)


@pytest.fixture
def atomic(tmp_path: Path) -> Path:
    write(tmp_path / "t.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\tB\t5\t3\n2\tA\t4\t2\n")
    write(
        tmp_path / "t.item",
        "item_id:token\ttitle:token_seq\tprice:float\tclass:token\tv:float_seq\n"
        'A\tan "odd title\t1.5\tc\t1 2\nB\t\t\td\t3\nC\tnever\t2\tc\t4\n',
    )
    return tmp_path


@pytest.mark.parametrize("as_folder", [True, False])
def test_atomic_files(atomic: Path, as_folder: bool) -> None:
    dataset = load(atomic if as_folder else atomic / "t.inter")
    assert triples(dataset) == {("1", "B", 3), ("2", "A", 2)}
    features = {f.name: f for f in dataset.features}
    title, price, kind = features["title"], features["price"], features["class"]
    assert isinstance(title, Categorical) and np.diff(title.indptr).tolist() == [3, 0]
    assert isinstance(price, Numeric) and price.values[0] == 1.5 and np.isnan(price.values[1])
    assert isinstance(kind, Categorical) and kind.codes.tolist() == [0, 1] and kind.n_codes == 2
    assert any("1 items of t.item have no interaction" in note for note in dataset.notes)
    assert any("float_seq" in note for note in dataset.notes)


def test_atomic_file_without_types(atomic: Path) -> None:
    write(atomic / "t.inter", "user_id\titem_id\n1\tB\n")
    with pytest.raises(DataError, match="name:type"):
        load(atomic)


HEAD = "user,item,ts\n"
BAD = {
    "empty file": ("", "empty"),
    "header only": (HEAD, "no rows"),
    "one column": ("user\na\n", "found one"),
    "no header": ("196,242,881250949\n186,302,891717742\n", "line 1: expected a header"),
    "no such column": ("who,item\na,x\n", "no column for user"),
    "unparsable time": (HEAD + "a,x,1\nb,y,2\nc,z,soon\n", r"line 4: expected a timestamp.*'soon'"),
    "unparsable first time": (HEAD + "a,x,soon\nb,y,2\n", r"line 2: expected a timestamp.*'soon'"),
    "number among dates": (HEAD + "a,x,2024-01-01\nb,y,17\n", r"line 3: expected a timestamp.*'17'"),
    "empty time": (HEAD + "a,x,1\n\nb,y,\n", r"line 4: expected a timestamp"),
    "infinite time": (HEAD + "a,x,1\nb,y,inf\n", r"line 3: expected a timestamp"),
    "huge time": (HEAD + f"a,x,1\nb,y,{10**30}\n", r"line 3: expected a timestamp"),
    "empty user": (HEAD + "a,x,1\n,y,2\n", "line 3: expected the id of user"),
    "ragged": (HEAD + 'a,"x\nx",1\nb,y\n', "line 4: expected 3 fields"),
    "bad value": ("user,item,rating\na,x,1\nb,y,nan\n", "line 3: expected a finite number"),
    "one user": (HEAD + "a,x,1\na,y,2\n", "expected at least 2 users, found 1"),
    "one item": (HEAD + "a,x,1\nb,x,2\n", "expected at least 2 items, found 1"),
    "open quote": (HEAD + 'a,"x,1\nb,y,2\n', "line 3: unexpected end of data"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_text_is_refused_with_place_and_fix(tmp_path: Path, case: str) -> None:
    text, expected = BAD[case]
    with pytest.raises(DataError, match=expected) as caught:
        load(write(tmp_path / "log.csv", text))
    assert "log" in str(caught.value)
    assert caught.value.fix


def test_bad_value_far_down_is_found_by_its_line(tmp_path: Path) -> None:
    rows = [f"u{i},i{i % 9},{i}" for i in range(12_000)]
    rows[11_000] = "u,i,x"
    with pytest.raises(DataError, match="line 11002"):
        load(write(tmp_path / "log.csv", HEAD + "\n".join(rows)))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"user,item\na,\x00\n", "binary"),
        (b"\x1f\x8b\x08...", "gzip"),
        (b"PAR1....", "Parquet"),
        (b"user,item\na,x\nb,\xe9t\xe9\n", "expected UTF-8 text, found byte 0xe9"),
    ],
)
def test_bad_bytes_are_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected) as caught:
        load(path)
    assert caught.value.fix


def test_missing_file(tmp_path: Path) -> None:
    for name in ("nowhere.csv", "nowhere.inter", "n" * 300):
        with pytest.raises(DataError, match=r"(there is no such file|too long)"):
            load(tmp_path / name)


def test_folder_without_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no train\.csv"):
        load(tmp_path)


def test_wrong_column_names_suggest_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "customer,sku\na,x\nb,y\n")
    with pytest.raises(DataError, match="no column 'custmer' for user") as caught:
        load(path, columns={"user": "custmer", "item": "sku"})
    assert "customer" in caught.value.fix
    with pytest.raises(DataError, match="found usr"):
        load(path, columns={"usr": "customer"})


def test_a_field_that_is_too_long_is_named_by_line_and_column(tmp_path: Path) -> None:
    rows = ["user,item,title", 'a,x,"said ""hi"", left"', "b,y,short", f"c,{'z' * 200_000},t"]
    with pytest.raises(DataError, match=r"log.csv, line 4: column 2 holds more than the 131,072 characters") as raised:
        load(write(tmp_path / "log.csv", "\n".join(rows)))
    assert raised.value.fix == "shorten or remove that column"


def test_a_quote_that_never_closes_is_named_where_it_opens(tmp_path: Path) -> None:
    rows = ["user,item,title", 'a,x,"fine, here"', 'b,y, "open', *["c,z,t"] * 30_000]
    with pytest.raises(DataError, match=r"log.csv, line 3: column 3 holds more than") as raised:
        load(write(tmp_path / "log.csv", "\n".join(rows)))
    assert "the quote that opens there" in raised.value.fix


def test_quotes_mean_nothing_where_a_format_has_none(tmp_path: Path) -> None:
    rows = ["user_id:token\titem_id:token\ttitle:token", 'a\tx\t"open', f"b\ty\t{'z' * 200_000}"]
    with pytest.raises(DataError, match=r"log.inter, line 3: column 3 holds more than"):
        load(write(tmp_path / "log.inter", "\n".join(rows)))
