"""Parquet: types of every kind, part files, features; and what is wrong with a file is said in one message."""

from pathlib import Path

import numpy as np
import pytest

from autorec.domain.errors import DataError
from autorec.tasks.datasets import Categorical, Numeric
from autorec.tasks.parquet import literal
from autorec.tasks.readers import Selection, load

duckdb = pytest.importorskip("duckdb", reason="needs the extra autorec[data]")

LOG = "(VALUES (7, 'x', 30, 4.5), (7, 'y', 10, 1), (-8, 'x', 20, 2)) AS t(user_id, item_id, ts, rating)"


def write(path: Path, select: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as con:
        con.execute(f"COPY ({select}) TO {literal(str(path))} (FORMAT parquet)")
    return path


def as_csv(folder: Path) -> str:
    path = folder / "same.csv"
    path.write_text("user_id,item_id,ts,rating\n7,x,30,4.5\n7,y,10,1\n-8,x,20,2\n")
    return load(path).digest


TYPES = {
    "narrow integers": "SELECT user_id::TINYINT AS user_id, item_id, ts::SMALLINT AS ts, rating::FLOAT AS rating",
    "unsigned and decimal": "SELECT user_id, item_id, ts::UINTEGER AS ts, rating",
    "doubles": "SELECT user_id, item_id, ts, rating::DOUBLE AS rating",
    "texts": "SELECT user_id::VARCHAR AS user_id, item_id, ts::VARCHAR AS ts, rating::VARCHAR AS rating",
    "enum": "SELECT user_id, item_id::ENUM('x', 'y') AS item_id, ts, rating",
    "real seconds": "SELECT user_id, item_id, ts::DOUBLE AS ts, rating",
    "timestamps": "SELECT user_id, item_id, make_timestamp(ts * 1000000) AS ts, rating",
    "timestamps in ns": "SELECT user_id, item_id, make_timestamp(ts * 1000000)::TIMESTAMP_NS AS ts, rating",
    "timestamps in ms": "SELECT user_id, item_id, make_timestamp(ts * 1000000)::TIMESTAMP_MS AS ts, rating",
    "timestamps with a zone": "SELECT user_id, item_id, to_timestamp(ts) AS ts, rating",
    "ISO dates": "SELECT user_id, item_id, strftime(make_timestamp(ts * 1000000), '%Y-%m-%dT%H:%M:%SZ') AS ts, rating",
}


@pytest.mark.parametrize("name", TYPES)
def test_whatever_the_types_it_is_the_same_data_set(tmp_path: Path, name: str) -> None:
    dataset = load(write(tmp_path / "log.parquet", f"{TYPES[name]} FROM {LOG}"))
    assert dataset.digest == as_csv(tmp_path)
    assert dataset.timestamps is not None and dataset.timestamps.dtype == np.int64
    assert dataset.user_ids == ("-8", "7")


def test_a_date_is_midnight_and_nanoseconds_order_rows(tmp_path: Path) -> None:
    dates = load(write(tmp_path / "d.parquet", f"SELECT user_id, item_id, DATE '1970-01-02' AS ts FROM {LOG}"))
    assert dates.timestamps is not None and set(dates.timestamps.tolist()) == {86_400}
    rows = ", ".join(f"('u{n % 2}', 'i{n}', make_timestamp_ns(1700000000000000000 + {n}))" for n in range(40))
    fine = load(write(tmp_path / "ns.parquet", f"SELECT * FROM (VALUES {rows}) AS t(user, item, ts)"))
    assert [fine.item_ids[i] for i in fine.items[:20]] == [f"i{n}" for n in range(0, 40, 2)]


def test_part_files_are_one_log_and_hidden_ones_are_none(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"log/day={number}/part.parquet", f"SELECT * FROM {LOG} LIMIT 1 OFFSET {number}")
    (tmp_path / "log" / "_temporary.parquet").write_text("unfinished")
    dataset = load(tmp_path / "log")
    assert dataset.digest == as_csv(tmp_path)
    assert "3 part files" in dataset.notes[0]


def test_given_files_may_be_parquet(tmp_path: Path) -> None:
    for number, name in enumerate(("train", "valid", "test")):
        write(tmp_path / f"log/{name}.parquet", f"SELECT * FROM {LOG} LIMIT 1 OFFSET {number}")
    dataset = load(tmp_path / "log")
    assert dataset.given is not None and sorted(dataset.given.tolist()) == [0, 1, 2]
    assert dataset.digest == as_csv(tmp_path)


def test_odd_paths_and_names_of_columns(tmp_path: Path) -> None:
    select = f"""SELECT user_id AS "wh""o';--", item_id, ts FROM {LOG}"""
    path = write(tmp_path / "it's [a] *?.parquet", select)
    write(tmp_path / "it's a x.parquet", select)
    assert load(path, columns={"user": "wh\"o';--"}).n_interactions == 3


def test_features_of_every_type(tmp_path: Path) -> None:
    log = write(tmp_path / "log.parquet", f"SELECT * FROM {LOG}")
    columns = "['a', 'b'] AS tags, 2.5::DECIMAL(4, 1) AS price, {'a': 1} AS nested, [1.5] AS vector, true AS new"
    items = write(
        tmp_path / "items.parquet",
        f"SELECT 'x' AS item_id, {columns} UNION ALL SELECT 'z', NULL, NULL, NULL, NULL, NULL",
    )
    dataset = load(log, selection=Selection(item_features=items))
    found = {feature.name: feature for feature in dataset.features}
    assert set(found) == {"tags", "price", "new"}
    tags, price = found["tags"], found["price"]
    assert isinstance(tags, Categorical) and np.diff(tags.indptr).tolist() == [2, 0]
    assert isinstance(price, Numeric) and price.values[0] == 2.5 and np.isnan(price.values[1])
    said = " ".join(dataset.notes)
    assert "other types are not read (nested)" in said
    assert "1 items of items.parquet have no interaction" in said and "1 items have no row in items.parquet" in said


BAD = {
    "nested": ("SELECT [user_id] AS user, item_id AS item", "expected texts or whole numbers as user, found .* LIST"),
    "real ids": ("SELECT user_id::DOUBLE AS user, item_id AS item", "found a column of type DOUBLE"),
    "no user": ("SELECT user_id AS who, item_id AS item", "no column for user"),
    "empty id": ("SELECT user_id AS user, nullif(item_id, 'y') AS item", "row 2: expected the item, found nothing"),
    "empty text": ("SELECT user_id AS user, '' AS item", "row 1: expected the item"),
    "no time": ("SELECT user_id AS user, item_id AS item, nullif(ts, 20) AS ts", "row 3: expected the timestamp"),
    "coarse time": ("SELECT user_id AS user, item_id AS item, ts::FLOAT AS ts", "64 bits"),
    "no date": ("SELECT user_id AS user, item_id AS item, 'soon' AS ts", "found for example 'soon'"),
    "endless": (
        "SELECT user_id AS user, item_id AS item, 'infinity'::TIMESTAMP AS ts",
        "row 1: expected the timestamp",
    ),
    "text value": ("SELECT user_id AS user, item_id AS item, 'good' AS rating", "found for example 'good'"),
    "nan value": ("SELECT user_id AS user, item_id AS item, 'nan'::DOUBLE AS rating", "row 1: expected the value"),
    "no rows": ("SELECT user_id AS user, item_id AS item", "no rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said(tmp_path: Path, name: str) -> None:
    select, expected = BAD[name]
    path = write(tmp_path / "log.parquet", f"{select} FROM {LOG}" + (" WHERE ts < 0" if name == "no rows" else ""))
    with pytest.raises(DataError, match=expected) as caught:
        load(path)
    assert "log.parquet" in str(caught.value) and caught.value.fix


def test_broken_files(tmp_path: Path) -> None:
    whole = write(tmp_path / "log.parquet", f"SELECT * FROM {LOG}")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(whole.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"broken\.parquet: expected Parquet that can be read"):
        load(broken)
    (tmp_path / "none.parquet").write_text("user,item\na,x\n")
    with pytest.raises(DataError, match=r"none\.parquet: expected Parquet, as the name says"):
        load(tmp_path / "none.parquet")
    write(tmp_path / "parts/a.parquet", f"SELECT * FROM {LOG}")
    write(tmp_path / "parts/b.parquet", "SELECT 1 AS other")
    with pytest.raises(DataError, match="parts: expected Parquet that can be read"):
        load(tmp_path / "parts")


def test_without_duckdb_the_fix_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "log.parquet", f"SELECT * FROM {LOG}")
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(DataError, match="not installed") as caught:
        load(path)
    assert "autorec[data]" in caught.value.fix
