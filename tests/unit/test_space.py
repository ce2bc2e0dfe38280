"""Search spaces: what loads, and how a mistake in one is told."""

from pathlib import Path

import pytest

from autorec.domain.errors import SpaceError
from autorec.schemas.space import find_space, load_space

ROOT = Path(__file__).parents[2] / "search_spaces"

GOOD = """\
role: retrieval
code: {flat: flat, deep: flat}
ends_by_itself: [flat]
structure:
  family: {type: choice, choices: [flat, deep], default: flat}
  wide: {type: bool, default: true, when: {family: [deep]}}
tunables:
  layers: {type: int, low: 1, high: 4, default: 2, when: {wide: [true]}}
  rate: {type: float, low: 0.001, high: 0.1, log: true, default: 0.01}
designs:
  plain: {family: flat}
  thin: {family: deep, wide: false}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flat").mkdir()
    for file in ("model.py.j2", "train.py.j2"):
        (tmp_path / "flat" / file).write_text("x = 1\n")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "space.yaml"
    path.write_text(text)
    return path


def test_a_design_takes_defaults_for_what_is_active(folder: Path):
    space = load_space(written(folder, GOOD))
    assert space.families == ("flat", "deep")
    assert space.complete({"family": "deep"}) == {"family": "deep", "wide": True, "layers": 2, "rate": 0.01}
    assert space.named("thin") == {"family": "deep", "wide": False, "rate": 0.01}
    assert space.named("plain") == {"family": "flat", "rate": 0.01}


def test_a_space_knows_which_designs_use_all_of_their_time(folder: Path):
    space = load_space(written(folder, GOOD))
    assert space.until_time_is_up(["thin", "plain"]) == ("thin",)


def test_an_unknown_design_is_named_with_the_nearest(folder: Path):
    with pytest.raises(SpaceError, match="no design named 'plane'; expected one of plain, thin") as raised:
        load_space(written(folder, GOOD)).named("plane")
    assert raised.value.fix == "did you mean plain?"


@pytest.mark.parametrize(
    ("old", "new", "message", "fix"),
    [
        ("high: 4,", "high: 0,", "tunables.layers.high is 0; expected at least 1", "tunables.layers.high"),
        ("low: 0.001", "low: 0.0", "tunables.rate.low is 0.0; expected above 0, because log is true", "rate.low"),
        ("high: 4,", "hihg: 4,", "tunables.layers.hihg is not a known key", "did you mean high?"),
        ("designs:", "desings:", "desings is not a known key", "did you mean designs?"),
        ("high: 4,", "", "tunables.layers.high is missing", "add tunables.layers.high"),
        ("high: 4,", "high: four,", "tunables.layers.high is 'four'; expected a whole number", "layers.high"),
        ("type: int,", "type: integer,", "tunables.layers.type is integer; expected one of choice, bool, int", "type"),
        ("type: int,", "", "tunables.layers.type is missing; expected one of choice, bool, int, float", "layers.type"),
        ("default: 2", "default: 9", "tunables.layers.default is 9; expected a whole number from 1 to 4", "layers"),
        ("wide: [true]", "wife: [true]", "tunables.layers.when.wife is no parameter declared before", "when.wife"),
        ("wide: [true]", "wide: [1]", "tunables.layers.when.wide is 1; expected true or false", "when.wide"),
        ("wide: [true]", "rate: [1]", "tunables.layers.when.rate is no parameter declared before", "when.rate"),
        ("deep: flat}", "deep: steep}", "code.deep is steep; expected a folder with model.py.j2", "code.deep"),
        ("deep: flat}", "steep: flat}", "code.deep is missing", "code.deep"),
        ("wide: false}", "layers: 3, wide: false}", "designs.thin.layers is not active here", "designs.thin"),
        ("wide: false}", "wise: false}", "designs.thin.wise is no parameter; did you mean wide?", "designs.thin"),
        ("plain: {family: flat}", "plain: {family: x}", "designs.plain.family is x; expected one of flat, deep", ""),
        ("  family:", "  kind:", "structure.family is missing", "structure.family"),
        ("itself: [flat]", "itself: [fat]", "ends_by_itself names fat; expected one of flat, deep", "ends_by_itself"),
        ("structure:", "structure: [", "cannot be read as YAML", "syntax"),
    ],
)
def test_a_mistake_names_the_file_the_key_and_the_fix(folder: Path, old: str, new: str, message: str, fix: str):
    assert old in GOOD
    path = written(folder, GOOD.replace(old, new, 1))
    with pytest.raises(SpaceError) as raised:
        load_space(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert message in str(raised.value)
    assert fix in raised.value.fix


@pytest.mark.parametrize("text", ["", "[]", "just text"])
def test_a_file_that_is_no_mapping(folder: Path, text: str):
    with pytest.raises(SpaceError, match=r"the file is .*; expected keys and values"):
        load_space(written(folder, text))


def test_a_missing_file_names_its_path(tmp_path: Path):
    with pytest.raises(SpaceError, match=r"nowhere\.yaml"):
        load_space(tmp_path / "nowhere.yaml")


def test_the_retrieval_space_has_the_baselines():
    space = load_space(ROOT / "retrieval.yaml")
    expected = {"pop", "itemknn", "ease", "ease_recency", "slim", "bpr_mf", "lightgcn", "sasrec", "gru4rec", "bert4rec"}
    assert set(space.designs) == expected
    assert space.named("ease_recency") | {"half_life": 2.0} == space.named("ease_recency")
    assert "popularity" not in space.families
    assert space.until_time_is_up(space.designs) == ("sasrec", "bpr_mf", "lightgcn", "gru4rec", "bert4rec")


def test_a_space_is_found_by_its_name():
    assert find_space("retrieval", ROOT) == ROOT / "retrieval.yaml"


@pytest.mark.parametrize(
    "name", ["nope", "retreival", "", ".", "..", "../search_spaces/retrieval", "/etc/passwd", "a\0b"]
)
def test_a_name_of_no_space_is_told_the_known_ones(name: str):
    with pytest.raises(SpaceError, match=r"there is no .*; expected one of ranking, retrieval") as raised:
        find_space(name, ROOT)
    assert raised.value.fix


def test_a_misspelt_space_gets_a_suggestion():
    with pytest.raises(SpaceError) as raised:
        find_space("retreival", ROOT)
    assert raised.value.fix == "did you mean retrieval?"
