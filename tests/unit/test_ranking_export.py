"""What the export of a click model does without autorec: rows of text in, the judged probabilities out."""

import csv
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clicks_exported import FILES, SECRET, material, stored, taken_away, write_criteo, write_world
from exported import imported
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autorec.domain.errors import UsageError
from autorec.domain.job import Stage
from autorec.tasks import timestamps
from autorec.tasks.ranking import columns as ours
from autorec.tasks.ranking import vocabulary
from autorec.tasks.ranking.impressions import Category, as_texts
from autorec.tasks.ranking.readers import load

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import scores

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """`runtime("table")` is the module `recommender.runtime.table`."""
    with imported(tmp_path_factory.mktemp("export") / "x", "ranking", FILES):
        yield lambda name: import_module(f"recommender.runtime.{name}")


class Away:
    """An export in a folder of its own, and its commands, run in this process."""

    def __init__(self, folder: Path, package: Any, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.package = package
        self._capsys = capsys

    def say(self, *arguments: object, expect: int = 0) -> str:
        self._capsys.readouterr()
        code = import_module("recommender.__main__").main([*map(str, arguments)])
        out, err = self._capsys.readouterr()
        assert code == expect, err
        return out if expect == 0 else err

    def predicted(self, file: Path) -> list[tuple[int, str]]:
        rows = list(csv.reader(StringIO(self.say("predict", "--data", file))))
        assert rows[0] == ["row", "probability"]
        return [(int(row), probability) for row, probability in rows[1:]]


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[Path, Any, Away]]:
    """The rows of a world in a file, what the trusted side knows of them, and an export."""
    data = write_world(tmp_path / "clicks.csv")
    clicks = material(data)
    with taken_away(tmp_path / "x", clicks) as package:
        yield data, clicks, Away(tmp_path / "x", package, capsys)


def assert_close(predicted: list[tuple[int, str]], expected: str) -> None:
    """The last digit may depend on which rows are scored together."""
    found = dict(predicted)
    for row, probability in list(csv.reader(expected.splitlines()))[1:]:
        assert float(found[int(row)]) == pytest.approx(float(probability), abs=2e-7)


def rewritten(source: Path, target: Path, change: Any) -> Path:
    """The rows of a file, each passed through `change`, which gets and gives a value by name."""
    with source.open(newline="") as lines:
        rows = [change(dict(row)) for row in csv.DictReader(lines)]
    with target.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return target


def test_the_judged_rows_have_the_stored_probabilities(world: tuple[Path, Any, Away], tmp_path: Path) -> None:
    data, clicks, away = world
    expected = stored(clicks, away.folder)
    assert len(set(expected.splitlines())) > 100
    for more in ((), ("--data", data)):
        assert away.say("verify", *more, "-o", tmp_path / "again.csv").startswith("150 of 150 ")
        assert (tmp_path / "again.csv").read_text() == expected
    assert_close(away.predicted(data), expected)


def test_the_rows_of_the_query_are_encoded_bit_for_bit(world: tuple[Path, Any, Away], runtime: Any) -> None:
    data, _, away = world
    trained = import_module("recommender.runtime.folder").Trained.open(away.folder / "trained")
    features = import_module("recommender.runtime.features").Features.open(trained)
    table = import_module("recommender.runtime.table").read_table([data], features.layout)
    rows = features.encode(table, labelled=True)
    numbers = np.load(away.folder / "trained/judged_rows.npy") - 1
    for name in ("numeric", "categorical", "users", "timestamps"):
        asked = np.load(away.folder / f"trained/query/{name}.npy")
        found = getattr(rows, name).numpy()[numbers]
        assert found.dtype == asked.dtype
        assert found.tobytes() == asked.tobytes(), name


def test_order_of_columns_and_columns_beside_them_do_not_matter(world: tuple[Path, Any, Away], tmp_path: Path) -> None:
    data, _, away = world

    def shuffled(row: dict[str, str]) -> dict[str, str]:
        names = sorted(row, key=lambda name: random.Random(name).random())
        return {"colour": "red", **{name: row[name] for name in names if name != "label"}}

    assert away.predicted(rewritten(data, tmp_path / "other.csv", shuffled)) == away.predicted(data)
    assert away.say("evaluate", "--data", tmp_path / "other.csv", expect=2).count("no column for label") == 1


def test_unseen_values_are_what_rare_ones_were_in_training(world: tuple[Path, Any, Away], tmp_path: Path) -> None:
    data, _, away = world

    def unseen(row: dict[str, str]) -> dict[str, str]:
        return {**row, "item": "never seen", "user": "nobody we know"}

    def missing(row: dict[str, str]) -> dict[str, str]:
        return {**row, "item": "NA", "user": "", "age": "null"}

    new, gaps = (
        away.predicted(rewritten(data, tmp_path / f"{change.__name__}.csv", change)) for change in (unseen, missing)
    )
    assert len({len(new), len(gaps), len(away.predicted(data))}) == 1
    assert new != gaps
    other = away.predicted(rewritten(data, tmp_path / "o.csv", lambda row: {**unseen(row), "item": "new as well"}))
    assert other == new


@pytest.mark.parametrize(
    ("change", "about"),
    [
        (lambda row: {**row, "age": "old"}, "line 2: expected a number or nothing in 'age', found 'old'"),
        (lambda row: {**row, "timestamp": ""}, "line 2: expected a timestamp"),
        (lambda row: {("Device" if name == "device" else name): v for name, v in row.items()}, "near: 'Device'"),
        (lambda row: {name: v for name, v in row.items() if name != "user"}, "'user'"),
        (lambda row: {name: v for name, v in row.items() if name != "timestamp"}, "no column for timestamp"),
    ],
)
def test_what_does_not_fit_is_refused(world: tuple[Path, Any, Away], tmp_path: Path, change: Any, about: str) -> None:
    data, _, away = world
    said = away.say("predict", "--data", rewritten(data, tmp_path / "bad.csv", change), expect=2)
    assert about in said
    assert "fix:" in said


@pytest.mark.parametrize(
    ("text", "about"), [("", "the model takes the columns"), ("a,b\n1,2\n", "the model takes the columns")]
)
def test_a_file_of_something_else_is_refused(
    world: tuple[Path, Any, Away], tmp_path: Path, text: str, about: str
) -> None:
    (tmp_path / "bad.csv").write_text(text)
    assert about in world[2].say("predict", "--data", tmp_path / "bad.csv", expect=2)


def test_torn_rows_and_no_rows_are_refused(world: tuple[Path, Any, Away], tmp_path: Path) -> None:
    data, _, away = world
    lines = data.read_text().splitlines(keepends=True)
    (tmp_path / "torn.csv").write_text("".join(lines[:5]) + "1,2\n")
    assert "line 6: expected 12 fields, found 2" in away.say("predict", "--data", tmp_path / "torn.csv", expect=2)
    (tmp_path / "none.csv").write_text(lines[0])
    assert "no rows" in away.say("predict", "--data", tmp_path / "none.csv", expect=2)


def test_a_column_without_a_known_value_is_noted(
    world: tuple[Path, Any, Away], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, _, _ = world
    other = rewritten(data, tmp_path / "upper.csv", lambda row: {**row, "device": row["device"].upper(), "x": "1"})
    import_module("recommender.__main__").main(["predict", "--data", str(other)])
    noted = capsys.readouterr().err
    assert "no value of 'device'" in noted
    assert "not used: x" in noted
    assert "'item'" not in noted


def test_rows_at_hand_are_answered_like_rows_of_a_file(world: tuple[Path, Any, Away]) -> None:
    data, _, away = world
    with data.open(newline="") as lines:
        rows = [dict(row) for row in csv.DictReader(lines)][:5]
    model = away.package.load()
    typed = [{**row, "place": float(row["place"]), "timestamp": int(row["timestamp"])} for row in rows]
    typed = [{name: None if value == "" else value for name, value in row.items()} for row in typed]
    expected = [float(p) for _, p in away.predicted(data)[:5]]
    assert model.predict(typed) == pytest.approx(expected, abs=1e-6)
    assert model.predict([]) == []
    with pytest.raises(Exception, match="'age'") as caught:
        model.predict([{"place": 1}])
    assert type(caught.value).__name__ == "Refusal"


def test_without_its_rows_it_answers_the_same(
    world: tuple[Path, Any, Away], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, clicks, away = world
    expected = away.predicted(data)
    (tmp_path / "bare").mkdir()
    folder = tmp_path / "bare/trained"
    folder.mkdir()
    told = clicks.write_trained(SECRET, folder, stage=Stage.FINAL, predictions=None)
    assert told["has_history"] is False
    assert not (folder / "query").exists()
    assert np.isnan(np.load(folder / "data/numeric.npy")).all()
    assert len(np.load(folder / "data/labels.npy")) == 2
    for name in ("weights.safetensors", "about.json"):
        (folder / name).write_bytes((away.folder / "trained" / name).read_bytes())
    answered = away.say("predict", "--data", data, "--model", folder)
    assert [(int(r), p) for r, p in list(csv.reader(StringIO(answered)))[1:]] == expected
    assert "nothing that was judged" in away.say("verify", "--model", folder, expect=2)


def test_a_changed_weight_does_not_verify(world: tuple[Path, Any, Away]) -> None:
    away = world[2]
    file = away.folder / "trained/vocabularies/c01.csv"
    lines = file.read_text().splitlines()
    lines[1], lines[2] = (f"{a.rsplit(',', 1)[0]},{b.rsplit(',', 1)[1]}" for a, b in ((lines[2], lines[1]), lines[1:3]))
    file.write_text("\n".join(lines) + "\n")
    assert away.say("verify").startswith("150 of 150")  # the rows that were kept are codes already
    assert "differ from the judged ones" in away.say("verify", "--data", world[0], expect=2)


def test_the_program_gives_the_same_probabilities(world: tuple[Path, Any, Away], tmp_path: Path) -> None:
    away = world[2]
    assert "at most 0 from" in away.say("torch-export", "-o", tmp_path / "m.pt2")
    program = torch.export.load(tmp_path / "m.pt2").module()
    names = ("numeric", "categorical", "users", "timestamps")
    inputs = (torch.from_numpy(np.load(away.folder / f"trained/query/{name}.npy")) for name in names)
    judged = np.load(away.folder / "trained/judged.npy")
    assert program(*inputs).detach().numpy() == pytest.approx(judged, abs=1e-6)


def test_it_trains_on_rows_of_ones_own(world: tuple[Path, Any, Away], tmp_path: Path) -> None:
    data, _, away = world
    mine = rewritten(
        data, tmp_path / "mine.csv", lambda row: {"y2": row.pop("label"), **row, "brand": "B" + row["brand"]}
    )
    out = tmp_path / "mine"
    assert "--columns label=NAME" in away.say("train", "--data", mine, "--out", out, "--time", "1s", expect=2)
    assert not out.exists()
    said = away.say("train", "--data", mine, "--columns", "label=y2", "--out", out, "--time", "20s", "--threads", 1)
    assert "held out 150 rows" in said
    values = (out / "vocabularies/c04.csv").read_text()
    assert values.count("Bbrand 0") == 8
    quality = away.say("evaluate", "--data", mine, "--columns", "label=y2", "--model", out)
    assert float(quality.split("AUC ")[1].split(",")[0]) > 0.6


def test_rows_of_one_label_are_nothing_to_learn_from(world: tuple[Path, Any, Away], tmp_path: Path) -> None:
    data, _, away = world
    same = rewritten(data, tmp_path / "same.csv", lambda row: {**row, "label": "0"})
    assert "0 are clicks" in away.say("train", "--data", same, "--out", tmp_path / "m", "--time", "1s", expect=2)
    assert not list(tmp_path.glob("m*"))


def test_the_criteo_layout_is_read_with_and_without_a_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_criteo(tmp_path / "day.txt")
    clicks = material(data)
    with taken_away(tmp_path / "x", clicks) as package:
        away = Away(tmp_path / "x", package, capsys)
        assert_close(away.predicted(data), stored(clicks, away.folder))
        assert away.say("verify", "--data", data).startswith("80 of 80 ")
        predicted = dict(away.predicted(data))
        rows = [line.split("\t") for line in data.read_text().splitlines()]
        (tmp_path / "bare.txt").write_text("".join("\t".join(row[1:]) + "\n" for row in rows))
        assert dict(away.predicted(tmp_path / "bare.txt")) == predicted
        names = [*(f"I{i}" for i in range(1, 14)), *(f"C{i}" for i in range(1, 27))]
        headed = [",".join(names), *(",".join(row[1:]) for row in rows)]
        (tmp_path / "headed.csv").write_text("\n".join(headed) + "\n")
        assert dict(away.predicted(tmp_path / "headed.csv")) == predicted
        assert "rows" in away.say("train", "--data", data, "--out", tmp_path / "m", "--time", "2s", "--threads", 1)


def test_given_files_are_verified_by_the_one_that_was_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, *lines = write_world(tmp_path / "all.csv").read_text().splitlines(keepends=True)
    folder = tmp_path / "given"
    folder.mkdir()
    for name, part in (("train", lines[:900]), ("valid", lines[900:1200]), ("test", lines[1200:])):
        (folder / f"{name}.csv").write_text(header + "".join(part))
    clicks = material(folder)
    with taken_away(tmp_path / "x", clicks) as package:
        away = Away(tmp_path / "x", package, capsys)
        assert_close(away.predicted(folder / "test.csv"), stored(clicks, away.folder))
        assert away.say("verify", "--data", folder / "test.csv").startswith("300 of 300")
        short = tmp_path / "short.csv"
        short.write_text(header + "".join(lines[:10]))
        assert "10 rows, but row 300" in away.say("verify", "--data", short, expect=2)


def test_columns_of_ones_own_names_are_known_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {"label": "bought", "timestamp": "when", "user": "customer"}
    plain = write_world(tmp_path / "plain.csv")
    data = rewritten(plain, tmp_path / "own.csv", lambda row: {names.get(n, n): v for n, v in row.items()})
    clicks = material(data, names)
    with taken_away(tmp_path / "x", clicks) as package:
        away = Away(tmp_path / "x", package, capsys)
        assert_close(away.predicted(data), stored(clicks, away.folder))
        assert away.say("verify", "--data", data).startswith("150 of 150 ")
        assert "AUC" in away.say("evaluate", "--data", data)


def test_what_was_searched_on_as_parquet_is_asked_with_parquet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb = pytest.importorskip("duckdb", reason="needs the extra autorec[data]")
    rows, folder = write_world(tmp_path / "clicks.csv"), tmp_path / "day=1" / "it's [1]"
    folder.mkdir(parents=True)
    with duckdb.connect() as con:
        for part in range(2):
            select = f"SELECT * FROM read_csv('{rows}') LIMIT 750 OFFSET {750 * part}"
            target = str(folder / f"{part}.parquet").replace("'", "''")
            con.execute(f"COPY ({select}) TO '{target}' (FORMAT parquet)")
    clicks = material(folder)
    with taken_away(tmp_path / "x", clicks) as package:
        away = Away(tmp_path / "x", package, capsys)
        assert away.say("verify", "--data", folder).startswith("150 of 150 ")
        assert_close(away.predicted(folder), stored(clicks, away.folder))
        (tmp_path / "torn.parquet").write_bytes(b"PAR1 and nothing else")
        assert "torn.parquet" in away.say("predict", "--data", tmp_path / "torn.parquet", expect=2)
        monkeypatch.setitem(sys.modules, "duckdb", None)
        assert "pip install duckdb, or convert" in away.say("predict", "--data", folder, expect=2)


def test_two_columns_of_one_name_cannot_be_taken_away(tmp_path: Path) -> None:
    text = write_world(tmp_path / "clicks.csv").read_text()
    (tmp_path / "twice.csv").write_text(text.replace("age", "place", 1))
    clicks = material(tmp_path / "twice.csv")
    (tmp_path / "trained").mkdir()
    with pytest.raises(UsageError, match="two columns are called 'place'"):
        clicks.write_trained(SECRET, tmp_path / "trained", stage=Stage.FINAL, predictions=None)


def test_what_texts_mean_is_what_it_was_in_training(runtime: Any) -> None:
    columns = runtime("columns")
    assert columns.MISSING_TEXTS == ours.MISSING_TEXTS
    assert {text for text, value in columns.LABELS.items() if value} == ours.TRUE_TEXTS
    assert {text for text, value in columns.LABELS.items() if not value} == ours.FALSE_TEXTS
    assert runtime("role").ROWS_PER_BATCH == scores.ROWS_PER_BATCH
    same = ("CAP", "BUCKETS", "LEAST_COUNT")
    assert all(getattr(runtime("vocabulary"), name) == getattr(vocabulary, name) for name in same)


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(TEXTS, min_size=1, max_size=40), cap=st.integers(0, 4), data=st.data())
def test_vocabularies_are_learned_as_in_training(runtime: Any, texts: list[str], cap: int, data: Any) -> None:
    train = np.array(data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))))
    column = runtime("columns").Column("c")
    column.add(texts)
    own = runtime("vocabulary").learn(column, train, cap, 3)
    values = sorted({text for text in texts if text not in ours.MISSING_TEXTS})
    codes = np.array([values.index(t) if t in values else -1 for t in texts], dtype=np.int32)
    theirs = vocabulary.learn(Category(name="c", codes=codes, values=as_texts(values)), train, cap, 3)
    assert own.encode(column).tolist() == theirs.code_of[codes].tolist()
    assert own.n_codes == theirs.n_codes


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS = st.integers(1, 4 * 10**9)


@settings(deadline=None)
@given(
    st.one_of(
        st.tuples(st.sampled_from([1, 10**3, 10**6, 10**9]), st.lists(SECONDS, min_size=1), st.integers(0, 999)).map(
            lambda drawn: [str(second * drawn[0] + drawn[2] % drawn[0]) for second in drawn[1]]
        ),
        st.lists(st.floats(0, 4e9).map(str), min_size=1, max_size=9),
        st.lists(st.integers(-(10**15), 9 * 10**16).map(lambda micros: f"{EPOCH + timedelta(microseconds=micros)}")),
    ).filter(len)
)
@example(["2682-12-30 15:59:59.999999+00:00"])
@example(["1.5", "2.5", "1e16"])
def test_times_are_read_as_in_training(runtime: Any, texts: list[str]) -> None:
    clock = timestamps.clock_of(texts[0])
    theirs = timestamps.join([timestamps.parse(texts, clock)], clock)
    column = runtime("columns").Column("t")
    column.add(texts)
    assert column.seconds().tolist() == (theirs.ticks // theirs.per_second).tolist()


def test_quality_is_that_of_the_judge(runtime: Any) -> None:
    from autorec.judging import pair_metrics

    draw = np.random.default_rng(0)
    labels = draw.random(400) < 0.3
    given = np.round(draw.random(400), 2).astype(np.float32)  # with ties
    found = runtime("metrics").quality(labels.astype(np.float32), given)
    assert found.auc == pytest.approx(pair_metrics.auc_by_row(labels, given.astype(np.float64)).mean())
    assert found.logloss == pytest.approx(pair_metrics.logloss_by_row(labels, given.astype(np.float64)).mean())


def test_a_file_of_rows_is_read_as_in_training(runtime: Any, tmp_path: Path) -> None:
    text = 'label,item,price:float\n1,"a, ""b""", 1e3\n0, c ,\n\n1,"d\ne",-0.5\n'
    (tmp_path / "rows.csv").write_text(text)
    theirs = load(tmp_path / "rows.csv", {})
    layout = runtime("columns").Layout(("price",), ("item",), None, False, {}, ())
    table = runtime("table").read_table([tmp_path / "rows.csv"], layout)
    items = theirs.categories[0]
    assert [table.features["item"].texts[c] for c in table.features["item"].codes] == [
        items.values[c] for c in items.codes
    ]
    assert table.numbers("price").tobytes() == theirs.numbers[0].values.tobytes()
    assert table.labels().tolist() == theirs.labels.tolist()
