"""A search space of one's own by path: its templates, the built-in ones, and errors as for built-in spaces."""

from pathlib import Path

import pytest

from autorec.domain.errors import SpaceError, UsageError
from autorec.schemas.config import load_config
from autorec.wiring.spaces import open_space, read_space

YAML = """
role: retrieval
code: {mine: own/mine, pop: builtin/retrieval/popularity}
structure:
  family: {type: choice, choices: [mine, pop], default: mine}
  deep: {type: bool, default: false, when: {family: [mine]}}
tunables:
  depth: {type: int, low: 1, high: 9, default: 2, when: {deep: [true]}}
designs:
  deepest: {family: mine, deep: true}
"""
MODEL = '{% include "own/parts/head.j2" %}\ndef build(data, params):\n    return None  # {{ deep }}\n'
TRAIN = "def fit(recommender, data, params, run):\n    run.checkpoint(recommender)\n"


@pytest.fixture
def space(tmp_path):
    """Write the space, with changes, and open it."""

    def opened(yaml: str = YAML, model: str = MODEL):
        for name, text in {
            "my.yaml": yaml,
            "own/mine/model.py.j2": model,
            "own/mine/train.py.j2": TRAIN,
            "own/parts/head.j2": "import torch\n",
        }.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        config = load_config({"search_space": str(tmp_path / "my.yaml")})
        return open_space(config, read_space(config))

    return opened


def test_own_templates_and_built_in_ones_render_side_by_side(space):
    opened = space()
    mine = opened.code.render(opened.space.named("deepest"))
    assert mine["model.py"] == "import torch\ndef build(data, params):\n    return None  # True\n"
    shipped = opened.code.render(opened.space.complete({"family": "pop"}))
    assert shipped == opened.builtin.code.render(opened.builtin.space.named("pop"))


def test_a_baseline_that_it_does_not_name_is_the_roles(space):
    opened = space()
    design, candidate = opened.baseline("pop")
    assert design is None
    assert candidate == opened.builtin.baseline("pop")[1]
    assert opened.baseline("deepest")[0] == {"family": "mine", "deep": True, "depth": 2}
    with pytest.raises(SpaceError, match="no design named"):
        opened.baseline("nobody")


def test_it_is_read_once(space, tmp_path):
    opened = space()
    (tmp_path / "own/mine/model.py.j2").write_text("changed")
    assert "build" in opened.code.render(opened.space.named("deepest"))["model.py"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("role: retrieval", "role: ranking", "role is ranking; the search is for retrieval"),
        ("role: retrieval", "role: retrival", "role is retrival; expected one of retrieval, ranking"),
        ("low: 1", "low: few", "tunables.depth.low is 'few'; expected a whole number"),
        ("default: false", "default: never", "structure.deep.default is 'never'; expected true or false"),
        ("own/mine", "own/nine", "code.mine is own/nine; expected a folder with model.py.j2"),
        ("builtin/retrieval/popularity", "builtin/retrieval/pop", "code.pop is builtin/retrieval/pop"),
        ("own/mine", "../mine", "expected a folder beside the file"),
        ("own/mine", "/mine", "expected a folder beside the file"),
        ("default: mine", "default: ours", "structure.family.default is ours"),
        ("structure:", "structure: [", "cannot be read as YAML"),
        ("role: retrieval", "rolle: retrieval", "rolle is not a known key"),
    ],
)
def test_what_does_not_hold_together_is_named(space, tmp_path, old, new, said):
    with pytest.raises(SpaceError, match=said) as caught:
        space(YAML.replace(old, new, 1))
    assert str(tmp_path / "my.yaml") in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("one\n{{ width }}", r"model.py.j2:2: 'width' is undefined"),
        ("{% if deep %}", r"model.py.j2:1: "),
        ('{% include "own/parts/haed.j2" %}', r"model.py.j2:1: there is no template own/parts/haed.j2"),
        ("def build(data, params):\n    return {{ '(' if deep }}", "deep=True renders to no candidate: model.py line"),
        ("import requests\n", "the family mine renders to no candidate: "),
    ],
)
def test_templates_are_tried_before_a_search(space, model, said):
    with pytest.raises(SpaceError, match=said):
        space(model=model)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SpaceError, match="there is no file"):
        read_space(load_config({"search_space": str(tmp_path / "no.yaml")}))


def test_a_relative_path_is_kept_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Path(load_config({"search_space": "my.yaml"}).search_space) == tmp_path / "my.yaml"
    assert load_config({"search_space": "retrieval"}).search_space == "retrieval"
    with pytest.raises(UsageError, match="there is no 'retreival'"):
        open_space(load_config({"search_space": "retreival"}), None)
