"""Impressions: reading, splitting, vocabularies, what a sandbox may see, what people read."""

import csv
import json
import random
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from autorec.domain.errors import DataError, UsageError
from autorec.domain.job import Part
from autorec.schemas.config import SearchConfig
from autorec.tasks.known_roles import role_named
from autorec.tasks.parts import CODE_OF, rows_of
from autorec.tasks.ranking.impressions import Category, as_texts
from autorec.tasks.ranking.readers import load
from autorec.tasks.ranking.splits import split
from autorec.tasks.ranking.vocabulary import learn
from autorec.tasks.ranking.world import ClickWorld, generate, write_csv

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import reckit

SMALL = ClickWorld(n_users=60, n_items=20, n_rows=1500, seed=3)
HEADED = """clicked,uid,when,price,item_id,colour,flat
1,ann,2024-01-01T00:00:00,3.5,17,red,x
0,bob,2024-01-01T00:00:01,,18,,x
0,ann,2024-01-01T00:00:02,-1e3,17,blue,x
1,,2024-01-01T00:00:03,NA,19,red,x
"""


@pytest.fixture
def headed(tmp_path):
    file = tmp_path / "clicks.csv"
    file.write_text(HEADED)
    return file


def test_what_a_column_is_belongs_to_the_digest(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("y,a,t,member\n" + "".join(f"{i % 2},{i % 5},{i},m{i % 7}\n" for i in range(40)))
    readings = ({"categorical": "a"}, {"categorical": "a", "user": "member"}, {"user": "member"}, {"timestamp": "t"})
    assert len({load(file, named).digest for named in readings}) == len(readings)
    assert len({load(file, named).source_digest for named in (*readings, {"ignore": "t"})}) == 1
    source = load(file, {}).source_digest
    file.write_text(file.read_text().replace("0,0,0,m0", "1,0,0,m0"))
    assert load(file, {}).source_digest != source


def criteo_line(rng, label):
    numbers = [str(rng.randrange(100)) if rng.random() > 0.2 else "" for _ in range(13)]
    return "\t".join([str(label), *numbers, *(f"{rng.randrange(16):08x}" for _ in range(26))])


@pytest.fixture
def criteo(tmp_path):
    rng = random.Random(0)
    file = tmp_path / "criteo" / "train.txt"
    file.parent.mkdir()
    file.write_text("".join(criteo_line(rng, int(i % 4 == 0)) + "\n" for i in range(200)))
    return file


def test_a_headed_file(headed):
    rows = load(headed, {"user": "uid", "timestamp": "when"})
    assert rows.labels.tolist() == [True, False, False, True]
    (price,) = rows.numbers
    assert price.name == "price"
    assert np.isnan(price.values).tolist() == [False, True, False, True]
    assert [field.name for field in rows.fields] == ["item_id", "colour", "uid"]
    assert rows.fields[1].codes.tolist() == [1, -1, 0, 1]
    assert rows.users.codes.tolist() == [0, 1, 0, -1]
    assert rows.timestamps.tolist() == [1704067200 + i for i in range(4)]
    assert any("one value: flat" in note for note in rows.notes)


def test_columns_can_be_said_to_be_otherwise(headed):
    named = {"user": "uid", "ignore": "when+colour", "numeric": "item_id", "categorical": "price"}
    rows = load(headed, named)
    assert [n.name for n in rows.numbers] == ["item_id"]
    assert [c.name for c in rows.categories] == ["price"]


@pytest.mark.parametrize("name", ["label", "click", "Clicked", "target", "y", "label:float"])
def test_the_label_is_guessed(tmp_path, name):
    file = tmp_path / "rows.tsv"
    file.write_text(f"a\t{name}\n1\t0\n2\t1\n")
    assert load(file, {}).labels.tolist() == [False, True]


def test_the_criteo_layout_as_file_and_folder(criteo):
    rows = load(criteo, {})
    assert (len(rows.numbers), len(rows.categories), rows.users, rows.timestamps) == (13, 26, None, None)
    assert rows.digest == load(criteo.parent, {}).digest
    assert rows.in_order
    cut = split(rows)
    assert cut.rule == "temporal"
    assert "order of the file" in cut.notes[0]
    assert cut.part.tolist() == [0] * 140 + [1] * 20 + [2] * 20 + [3] * 20


@pytest.mark.parametrize(
    ("change", "named", "message"),
    [
        (("1,ann", "5,ann"), {"user": "uid"}, "line 2: expected 0 or 1 as label, found '5'"),
        (("clicked", "stars"), {}, "no column for label; expected one of label, click"),
        (("3.5", "much"), {"numeric": "price"}, "line 2: expected a number, found 'much'"),
        (("2024-01-01T00:00:02", "later"), {"timestamp": "when"}, "line 4: expected a timestamp.*found 'later'"),
        (("", ""), {"user": "uuid"}, "no column 'uuid' for user"),
        ((HEADED, "clicked,a\n"), {}, "no rows after the header"),
    ],
)
def test_what_cannot_be_read_is_named(headed, change, named, message):
    headed.write_text(HEADED.replace(*change))
    with pytest.raises(DataError, match=message) as caught:
        load(headed, named)
    assert caught.value.fix


def test_a_short_line_of_the_criteo_layout_is_named(criteo):
    criteo.write_text(criteo.read_text() + "0\t1\n")
    with pytest.raises(DataError, match="line 201: expected 40 fields as in the first line, found 2"):
        load(criteo, {})


def test_rows_that_look_alike_stay_together_at_random(tmp_path):
    file = tmp_path / "rows.csv"
    lines = [f"{(i * 7 // 3) % 2},{i % 50},{'ab'[i % 2]}" for i in range(400)]
    file.write_text("y,a,b\n" + "\n".join(lines) + "\n")
    rows = load(file, {"categorical": "a"})
    cut = split(rows, seed=1)
    assert cut.rule == "ratio"
    assert all(len(set(cut.part[i::50])) == 1 for i in range(50))
    assert (cut.part != split(rows, seed=2).part).any()
    shuffled = random.Random(0).sample(lines, len(lines))
    file.write_text("y,a,b\n" + "\n".join(shuffled) + "\n")
    again = split(load(file, {"categorical": "a"}), seed=1).part
    part_of = dict(zip(lines, cut.part.tolist(), strict=True))
    assert [part_of[line] for line in shuffled] == again.tolist()


def test_given_files_carve_select_from_the_end_of_train(tmp_path):
    for number, name in enumerate(("train", "valid", "test")):
        lines = [f"{i % 3 == 0:d},{i % 5},{1000 * number + i}" for i in range(60 if number == 0 else 15)]
        (tmp_path / f"{name}.csv").write_text("label,a,time\n" + "\n".join(lines) + "\n")
    rows = load(tmp_path, {"categorical": "a"})
    cut = split(rows)
    assert cut.rule == "given"
    assert cut.part.tolist() == [0] * 45 + [1] * 15 + [2] * 15 + [3] * 15
    material = role_named("ranking").load(SearchConfig(role="ranking", data=tmp_path, columns={"categorical": "a"}))
    buffer = BytesIO()
    np.save(buffer, np.linspace(0, 1, 15, dtype=np.float32))
    read = list(csv.DictReader(material.as_csv(Part.TEST, buffer.getvalue()).splitlines()))
    assert [int(row["row"]) for row in read] == list(range(1, 16))


def test_parts_with_one_label_only_are_refused(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("label,a,time\n" + "".join(f"{i < 50:d},{i % 7},{i}\n" for i in range(100)))
    with pytest.raises(DataError, match="select has 0 clicks in 10 rows"):
        split(load(file, {"categorical": "a"}))


def test_a_vocabulary_is_learned_from_train_alone():
    texts = ("a", "b", "c", "d")
    codes = np.array([0, 0, 0, 1, 1, 2, -1, 3, 3, 3, 3], dtype=np.int32)
    train = np.arange(11) < 7
    field = Category(name="x", codes=codes, values=as_texts(texts))
    learned = learn(field, train)
    assert learned.n_codes == 4  # missing, shared, a, b
    assert learned.encode(field.codes).tolist() == [2, 2, 2, 3, 3, 1, 0, 1, 1, 1, 1]


def test_beyond_the_cap_values_are_hashed():
    codes = np.repeat(np.arange(500, dtype=np.int32), 2)
    field = Category(name="x", codes=codes, values=as_texts(f"v{i}" for i in range(500)))
    learned = learn(field, np.ones(1000, dtype=bool), cap=100, buckets=16)
    encoded = learned.encode(field.codes)
    assert learned.n_codes == 117
    assert encoded.min() >= 1 and encoded.max() == 116
    shared = encoded[learned.is_shared(encoded)]
    assert len(shared) == 800 and len(set(shared.tolist())) == 16


@pytest.fixture(scope="module")
def world_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("world") / "secret name.csv"
    write_csv(generate(SMALL).rows, file)
    return file


@pytest.fixture(scope="module")
def material(world_file):
    return role_named("ranking").load(SearchConfig(role="ranking", data=world_file))


def test_a_world_comes_back_from_its_file(world_file):
    made, read = generate(SMALL).rows, load(world_file, {})
    assert read.labels.tolist() == made.labels.tolist()
    assert read.timestamps.tolist() == made.timestamps.tolist()
    by_name = {number.name: number.values for number in read.numbers}
    for number in made.numbers:
        assert by_name[number.name] == pytest.approx(number.values, rel=1e-5, nan_ok=True)


def test_the_world_knows_its_probabilities():
    made = generate(ClickWorld(n_rows=20_000))
    assert made.rows.labels.mean() == pytest.approx(made.probabilities.mean(), abs=0.01)
    assert 0.1 < made.probabilities.mean() < 0.4
    assert generate(SMALL).rows.digest == generate(SMALL).rows.digest
    order = np.argsort(made.probabilities)
    assert made.rows.labels[order[-2000:]].mean() > 3 * made.rows.labels[order[:2000]].mean()


def test_training_rows_have_labels_and_queries_have_none(material, tmp_path):
    material.write_training(b"secret", (Part.TRAIN,), tmp_path / "data")
    material.write_query(b"secret", Part.SELECT, tmp_path / "query")
    data = reckit.open_data(tmp_path / "data")
    asked = reckit.open_rows(tmp_path / "query", like=data)
    rows, truth = material.data, material.key(b"secret")["truth"](Part.SELECT)
    train, held = (rows_of(material.split.part, part) for part in (Part.TRAIN, Part.SELECT))
    assert data.labels.tolist() == rows.labels[train].astype(float).tolist()
    assert asked.labels is None
    assert sorted(file.name for file in (tmp_path / "query").iterdir()) == [
        "categorical.npy", "meta.json", "numeric.npy", "timestamps.npy", "users.npy"
    ]  # fmt: skip
    assert asked.timestamps.tolist() == rows.timestamps[held][truth.asked].tolist()
    assert truth.asked.tolist() != sorted(truth.asked.tolist())
    expected = [n.values[held][truth.asked] for n in rows.numbers]
    np.testing.assert_array_equal(asked.numeric.numpy(), np.stack(expected, axis=1))
    assert (asked.categorical.max(0).values.numpy() < np.array(data.n_codes)).all()
    same = {(u, int(p)) for u, p in zip(rows.users.codes[held][truth.asked], asked.users, strict=True)}
    assert len(same) == len({u for u, _ in same}) == len({p for _, p in same})
    other = material.key(b"another")["truth"](Part.SELECT)
    assert other.asked.tolist() != truth.asked.tolist()


def test_no_name_reaches_the_sandbox(material, tmp_path):
    material.write_training(b"secret", (Part.TRAIN, Part.SELECT), tmp_path / "data")
    meta = json.loads((tmp_path / "data" / "meta.json").read_text())
    assert meta["numeric"] == [f"n{i:02d}" for i in range(1, 4)]
    assert [c["alias"] for c in meta["categorical"]] == [f"c{i:02d}" for i in range(1, 8)]
    everything = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())
    for name in ("secret", "segment", "price", "u000001"):
        assert name.encode() not in everything


def test_all_stages_share_their_codes(material, tmp_path):
    for parts in ((Part.TRAIN,), (Part.TRAIN, Part.SELECT)):
        material.write_training(b"s", parts, tmp_path / str(len(parts)))
    first, second = (reckit.open_data(tmp_path / str(n)) for n in (1, 2))
    assert first.n_codes == second.n_codes
    assert len(second) > len(first)


def test_a_description_warns_of_what_cannot_be_told(material):
    described = material.describe()
    assert described.rows_in_all == 1500
    assert sum(part.rows for part in described.parts.values()) == 1500
    assert any("are not resolved" in warning for warning in described.warnings)
    assert json.dumps(described.as_json())
    assert dict(described.rows())["users"] == f"{len(material.data.users.values)}"


def test_rows_without_a_user_are_told_and_are_no_user(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("y,a,user\n" + "".join(f"{i % 2},{i % 97},{f'u{i % 8}' if i % 4 else ''}\n" for i in range(400)))
    described = role_named("ranking").load(SearchConfig(role="ranking", data=file)).describe()
    assert any(w.startswith("25.0% of rows name no user") for w in described.warnings)
    assert described.parts["train"].users == 6


def test_metrics_that_the_data_cannot_give_are_refused(criteo):
    material = role_named("ranking").load(SearchConfig(role="ranking", data=criteo))
    material.require("auc")
    with pytest.raises(UsageError, match="gauc is of users"):
        material.require("gauc")


def test_parts_are_in_order_of_time(material):
    times, part = material.data.timestamps, material.split.part
    for earlier, later in ((0, 1), (1, 2), (2, 3)):
        assert times[part == earlier].max() < times[part == later].min()
    assert set(part.tolist()) == set(CODE_OF.values())
