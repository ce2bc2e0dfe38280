"""What a path is taken for: MovieLens and SASRec by content, gzip undone, features from files beside and named."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from autorec.domain.errors import DataError
from autorec.tasks.datasets import Categorical, Dataset, Numeric
from autorec.tasks.readers import Selection, load
from autorec.tasks.splits import split

ROWS = [("3", "10", "4", "881250949"), ("3", "11", "2", "881250950"), ("7", "10", "5", "881250951")]
U_ITEM = "10|Toy Story (1995)|01-Jan-1995||http://x/|0|1|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
U_ITEM += "11|Café|||http://y/|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)
    return path


def lines(delimiter: str, rows: Sequence[Sequence[str]] = ROWS) -> str:
    return "".join(delimiter.join(row) + "\n" for row in rows)


def features(dataset: Dataset) -> dict[tuple[str, str], Categorical | Numeric]:
    return {(feature.side, feature.name): feature for feature in dataset.features}


def plain_digest(folder: Path) -> str:
    return load(write(folder / "plain.csv", "user,item,rating,ts\n" + lines(","))).digest


@pytest.mark.parametrize(("delimiter", "name"), [("\t", "u.data"), ("::", "ratings.dat"), ("\t", "anything.txt")])
def test_ratings_without_a_header_are_known_by_their_content(tmp_path: Path, delimiter: str, name: str) -> None:
    dataset = load(write(tmp_path / "a" / name, lines(delimiter)))
    assert dataset.digest == plain_digest(tmp_path)
    assert dataset.notes[0].startswith("read as MovieLens ratings:")


@pytest.mark.parametrize("third", ["881250949", "x"])
def test_other_columns_without_a_header_are_not_taken_for_ratings(tmp_path: Path, third: str) -> None:
    with pytest.raises(DataError, match="expected a header line"):
        load(write(tmp_path / "u.data", lines("\t", [("3", "10", third, "4"), ("7", "11", third, "5")])))


def test_movielens_100k_with_movies_and_users(tmp_path: Path) -> None:
    write(tmp_path / "u.data", lines("\t"))
    write(tmp_path / "u.item", U_ITEM, "latin-1")
    write(tmp_path / "u.user", "3|24|M|writer|V1N\n7|53|F|other|94043\n")
    found = features(load(tmp_path))
    genres, year, age = found["item", "genres"], found["item", "release_year"], found["user", "age"]
    assert isinstance(genres, Categorical) and np.diff(genres.indptr).tolist() == [2, 1] and genres.n_codes == 2
    assert isinstance(year, Numeric) and year.values[0] == 1995 and np.isnan(year.values[1])
    assert isinstance(age, Numeric) and age.values.tolist() == [24, 53]


def test_movielens_1m_and_the_later_ones_with_movies_tell_the_same(tmp_path: Path) -> None:
    write(tmp_path / "old" / "ratings.dat", lines("::"))
    write(
        tmp_path / "old" / "movies.dat", "10::2001: A Space Odyssey (1968)::Drama|Sci-Fi\n11::Café::Drama\n", "latin-1"
    )
    write(tmp_path / "new" / "ratings.csv", "userId,movieId,rating,timestamp\n" + lines(","))
    movies = 'movieId,title,genres\n10,"2001: A Space Odyssey (1968)",Drama|Sci-Fi\n11,Café,Drama\n'
    write(tmp_path / "new" / "movies.csv", movies)
    old, new = load(tmp_path / "old"), load(tmp_path / "new" / "ratings.csv")
    title = features(old)["item", "title"]
    assert isinstance(title, Categorical) and np.diff(title.indptr).tolist() == [5, 1]
    assert old.digest == new.digest


def test_a_broken_file_beside_ratings_is_named(tmp_path: Path) -> None:
    write(tmp_path / "u.data", lines("\t"))
    write(tmp_path / "u.user", "3|24|M\n")
    with pytest.raises(DataError, match=r"u\.user, line 1: expected 5 fields"):
        load(tmp_path)


def test_order_of_sasrec_lines_is_that_of_time(tmp_path: Path) -> None:
    order = [5, 3, 3, 9, 1, 7]
    text = "".join(f"{user} {item}\n" for item in order for user in range(1, 31))
    dataset = load(write(tmp_path / "ml-1m.txt", text))
    assert dataset.timestamps is None and dataset.sequential
    assert [int(dataset.item_ids[i]) for i in dataset.items[:6]] == order
    cut = split(dataset)
    assert cut.rule == "loo"
    assert {int(dataset.item_ids[i]) for i in dataset.items[cut.part == 2]} == {1}
    with pytest.raises(DataError, match="expects timestamps"):
        split(dataset, "temporal")


def test_gzip_is_undone_whatever_the_name(tmp_path: Path) -> None:
    content = gzip.compress(("user,item,rating,ts\n" + lines(",")).encode())
    for name in ("log.csv.gz", "log.csv"):
        (tmp_path / name).write_bytes(content)
        assert load(tmp_path / name).digest == plain_digest(tmp_path)
        assert load(tmp_path / name).name == "log"


def test_gzip_that_is_none_or_cut_short(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a gzip archive, as the name says"):
        load(write(tmp_path / "log.csv.gz", "user,item\na,x\nb,y\n"))
    text = "".join(f"u{n * 7919 % 10007},i{n}\n" for n in range(20_000))
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(f"user,item\n{text}".encode())[:-50])
    with pytest.raises(DataError, match="damaged or cut short"):
        load(tmp_path / "cut.csv.gz")


LOG = "user,item,rating\n" + "".join(
    f"u{u},i{i},{1 + (u + i) % 5}\n" for u in range(9) for i in range(9) if (u + i) % 3
)


@pytest.mark.parametrize("name", ["items.csv", "items.tsv", "items.item"])
def test_named_features_join_by_id(tmp_path: Path, name: str) -> None:
    log = write(tmp_path / "log.csv", LOG)
    rows = [(f"i{n}", f"{n}.5" if n else "", "a|b" if n % 2 else "b", f"name {n}") for n in range(30)]
    header = ("item_id", "price", "tags", "name")
    if name.endswith(".item"):
        header = ("item_id:token", "price:float", "tags:token", "name:token")
    path = write(tmp_path / name, lines("," if name.endswith("csv") else "\t", [header, *rows]))
    dataset = load(log, selection=Selection(item_features=path))
    found = features(dataset)
    price, tags = found["item", "price"], found["item", "tags"]
    assert isinstance(price, Numeric) and np.isnan(price.values[0]) and price.values[3] == 3.5
    assert isinstance(tags, Categorical) and tags.n_codes == 2
    said = " ".join(dataset.notes)
    assert "21 items" in said
    assert name.endswith(".item") or "left out, as nearly every row has a value of its own: name" in said


def test_features_of_other_ids_are_refused(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", LOG)
    path = write(tmp_path / "users.csv", "id,age\n1,20\n2,30\n")
    with pytest.raises(DataError, match=r"users\.csv: none of its 2 user ids occurs .* like 'u0', here like '1'"):
        load(log, selection=Selection(user_features=path))


def test_filters_are_told_and_change_the_data_set(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", LOG)
    whole, some = load(log), load(log, selection=Selection(min_rating=4))
    assert whole.digest != some.digest
    assert whole.source_digest == some.source_digest == load(log, columns={"timestamp": ""}).source_digest
    assert any("rows that are held out later count too" in note for note in some.notes)
    assert some.values is not None and some.values.min() == 4
    assert some.digest != whole.digest
    assert any(note.startswith("min-rating 4:") for note in some.notes)


@pytest.mark.parametrize(
    ("selection", "text", "expected"),
    [
        (Selection(k_core=50), LOG, "--k-core 50 leaves nothing"),
        (Selection(min_rating=9), LOG, "--min-rating 9 leaves nothing: the largest value is 5"),
        (Selection(min_rating=3), "user,item\na,x\nb,y\n", "no value column"),
    ],
)
def test_filters_that_leave_nothing(tmp_path: Path, selection: Selection, text: str, expected: str) -> None:
    with pytest.raises(DataError, match=expected) as caught:
        load(write(tmp_path / "log.csv", text), selection=selection)
    assert caught.value.fix


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no train\.csv, and no \.inter, \.parquet or MovieLens file"):
        load(tmp_path)
