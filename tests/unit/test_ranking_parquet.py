"""Rows of ranking in Parquet and in large text: the same data set whatever holds it, and what is wrong is named."""

import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from autorec.domain.errors import DataError
from autorec.schemas.config import SearchConfig
from autorec.tasks import readers as sizes
from autorec.tasks.parquet import literal
from autorec.tasks.ranking import readers
from autorec.tasks.ranking.formats import CRITEO_NAMES
from autorec.tasks.ranking.readers import load
from autorec.tasks.ranking.sign import sign

duckdb = pytest.importorskip("duckdb", reason="needs the extra autorec[data]")

ROWS = """(SELECT i % 2 AS label, CASE WHEN i % 5 > 0 THEN i * 0.5 END AS price, CASE WHEN i % 7 > 0 THEN
'c' || (i % 11) END AS colour, i % 13 AS shop_id, 1700000000 + i AS ts FROM range(200) AS t(i))"""


def write(path: Path, select: str, kind: str = "parquet") -> Path:
    with duckdb.connect() as con:
        con.execute(f"COPY ({select}) TO {literal(str(path))} (FORMAT {kind})")
    return path


@pytest.fixture
def as_csv(tmp_path: Path) -> Path:
    return write(tmp_path / "same.csv", f"SELECT * FROM {ROWS}", "csv, header")


TYPES = {
    "as they come": "*",
    "texts": "COLUMNS(*)::VARCHAR",
    "narrow": "* REPLACE (label::TINYINT AS label, price::FLOAT AS price, shop_id::UINTEGER AS shop_id)",
    "real numbers": "* REPLACE (label::DOUBLE AS label, price::DOUBLE AS price, ts::DOUBLE AS ts)",
    "a boolean": "* REPLACE (label = 1 AS label)",
    "unsigned": "* REPLACE (shop_id::UBIGINT AS shop_id, ts::UBIGINT AS ts)",
    "moments": "* REPLACE (make_timestamp(ts * 1000000) AS ts)",
    "an enum": "* REPLACE (label::VARCHAR::ENUM('1', '0') AS label)",
    "nanoseconds": "* REPLACE (ts::BIGINT * 1000000000 + 5 AS ts)",
}


@pytest.mark.parametrize("name", TYPES)
def test_whatever_the_types_it_is_the_same_data_set(tmp_path: Path, as_csv: Path, name: str) -> None:
    rows, same = load(write(tmp_path / "rows.parquet", f"SELECT {TYPES[name]} FROM {ROWS}"), {}), load(as_csv, {})
    assert rows.digest == same.digest
    assert rows.timestamps is not None and rows.timestamps.dtype == np.int64
    assert [number.name for number in rows.numbers] == ["price"]
    if name in ("as they come", "texts", "real numbers", "unsigned"):
        assert rows.source_digest == same.source_digest


def test_part_files_follow_one_another(tmp_path: Path, as_csv: Path) -> None:
    (tmp_path / "parts").mkdir()
    for number in range(2):
        select = f"SELECT * FROM {ROWS} LIMIT 100 OFFSET {100 * number}"
        write(tmp_path / "parts" / f"part-{number}.parquet", select)
    assert load(tmp_path / "parts", {}).digest == load(as_csv, {}).digest


def test_given_files_in_parquet(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    for number, name in enumerate(("train", "valid", "test")):
        write(folder / f"{name}.parquet", f"SELECT * FROM {ROWS} LIMIT {100 - 40 * number} OFFSET {number}")
    given = load(folder, {}).given
    assert given is not None and np.bincount(given).tolist() == [100, 60, 20]


def criteo_line(rng: random.Random, label: int) -> str:
    numbers = [str(rng.randrange(100)) if rng.random() > 0.2 else "" for _ in range(13)]
    return "\t".join([str(label), *numbers, *(f"{rng.randrange(16):08x}" for _ in range(26))]) + "\n"


@pytest.fixture
def criteo(tmp_path: Path) -> Path:
    rng = random.Random(0)
    path = tmp_path / "criteo.txt"
    path.write_text("".join(criteo_line(rng, int(row % 4 == 0)) for row in range(200)))
    return path


def test_the_criteo_layout_in_all_its_dresses(tmp_path: Path, criteo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load(criteo, {})
    zipped = tmp_path / "zipped.txt.gz"
    zipped.write_bytes(gzip.compress(criteo.read_bytes()))
    table = f"read_csv({literal(str(criteo))}, delim='\\t', header=false, all_varchar=true, quote='')"
    nameless = write(tmp_path / "nameless.parquet", f"SELECT * FROM {table}")
    names = ", ".join(CRITEO_NAMES)
    headed = write(tmp_path / "headed.parquet", f"SELECT * FROM {table} AS t({names})")
    for path in (zipped, nameless, headed):
        assert load(path, {}).digest == expected.digest, path.name
    assert load(nameless, {}).in_order and not load(headed, {}).in_order
    monkeypatch.setattr(sizes, "LARGE_TEXT", 0)
    for path in (criteo, zipped):
        assert load(path, {}).source_digest == expected.source_digest


def test_numbered_columns_can_be_named_all_the_same(tmp_path: Path) -> None:
    columns = ", ".join(f"(i * {place + 1}) % {place + 2} AS column{place:02d}" for place in range(40))
    path = write(tmp_path / "forty.parquet", f"SELECT {columns} FROM range(100) AS t(i)")
    assert len(load(path, {"label": "column00"}).numbers) == 39


@pytest.mark.parametrize(
    ("select", "named", "message"),
    [
        ("* REPLACE (label + 1 AS label)", {}, r"row 2: expected 0 or 1 as label, found '2'"),
        ("* REPLACE (nullif(label, 1) AS label)", {}, r"row 2: expected 0 or 1 as label, found ''"),
        ("* EXCLUDE (label)", {}, "no column for label"),
        ("*", {"numeric": "colour"}, r"row 2: expected a number, found 'c1'"),
        ("*, [1] AS tags", {"user": "tags"}, "the column 'tags' holds lists"),
        ("* REPLACE (nullif(ts, 1700000003) AS ts)", {}, "row 4: expected a timestamp"),
        ("* REPLACE (ts::FLOAT AS ts)", {}, "of 32 bits, which merges distinct times"),
        ("* REPLACE ('inf'::DOUBLE AS price)", {}, "row 1: expected a number, found 'inf'"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, select: str, named: dict[str, str], message: str) -> None:
    path = write(tmp_path / "rows.parquet", f"SELECT {select} FROM {ROWS}")
    with pytest.raises(DataError, match=message) as caught:
        load(path, named)
    assert caught.value.fix


def test_broken_and_empty_files_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", f"SELECT * FROM {ROWS}")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="expected Parquet that can be read"):
        load(path, {})
    with pytest.raises(DataError, match="no rows after the header"):
        load(write(path, f"SELECT * FROM {ROWS} LIMIT 0"), {})


def test_lists_are_left_out_with_a_note(tmp_path: Path) -> None:
    rows = load(write(tmp_path / "rows.parquet", f"SELECT *, [1, 2] AS tags FROM {ROWS}"), {})
    assert any("lists" in note and note.endswith("tags") for note in rows.notes)


def test_large_text_is_read_alike_and_its_lines_are_named(as_csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load(as_csv, {})
    monkeypatch.setattr(sizes, "LARGE_TEXT", 0)
    assert load(as_csv, {}).digest == expected.digest
    lines = as_csv.read_text().splitlines(keepends=True)
    lines[7] = "7" + lines[7][1:]
    as_csv.write_text("".join(lines))
    with pytest.raises(DataError, match="line 8: expected 0 or 1 as label, found '7'"):
        load(as_csv, {})
    as_csv.write_text("".join(lines[:7]) + "1,2\n")
    with pytest.raises(DataError, match="line 8: expected 5 fields"):
        load(as_csv, {})


def test_large_text_without_duckdb_is_read_and_the_extra_named(as_csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "LARGE_TEXT", 0)
    monkeypatch.setattr(readers, "has_duckdb", lambda: False)
    assert any("autorec[data]" in note for note in load(as_csv, {}).notes)


@pytest.mark.parametrize("label", ["(i % 2) AS click", "(i % 2 = 1) AS clicked", "CAST(i % 2 AS DOUBLE) AS label"])
def test_a_label_is_a_sign_of_ranking_in_parquet_too(tmp_path: Path, label: str) -> None:
    file = write(tmp_path / "rows.parquet", f"SELECT i AS user_id, i AS item_id, {label} FROM range(40) t(i)")
    assert "holds 0 and 1 alone" in (sign(SearchConfig(data=file)) or "")
    grades = write(tmp_path / "grades.parquet", "SELECT i AS user_id, i AS item_id, i % 3 AS label FROM range(40) t(i)")
    assert sign(SearchConfig(data=grades)) is None
