"""The code that designs render to: a few looked at by people, many held to what a person would be glad to inherit."""

import ast
import json
import random
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from autorec.proposers.space_code import SpaceCode
from autorec.proposers.space_walk import draw
from autorec.schemas.params import read_params
from autorec.schemas.space import Design, Value, load_space

ROOT = Path(__file__).parents[2] / "search_spaces"
SPACE = load_space(ROOT / "retrieval.yaml")
CODE = SpaceCode(SPACE, ROOT)
DRAWS = 1500
"""How many random designs of a family are looked at to find pairs of structural choices that can go together."""


def sequence(encoder: str, **more: Value) -> Design:
    return SPACE.complete({"family": "sequence", "encoder": encoder} | more)


REPRESENTATIVE: dict[str, Design] = {
    **{name: SPACE.named(name) for name in SPACE.designs},
    "slist": SPACE.complete({"family": "linear"}),
    "itemknn_next": SPACE.complete({"family": "itemknn"}),
    "factorization_features": SPACE.complete({"family": "factorization", "features": True}),
    "factorization_gbce": SPACE.complete({"family": "factorization", "loss": "gbce"}),
    "lightgcn_softmax": SPACE.complete({"family": "graph"}),
    "two_tower": SPACE.complete({"family": "two_tower", "mixed": False}),
    "two_tower_features": SPACE.complete({"family": "two_tower", "features": True}),
    "attention_bare": sequence(
        "attention",
        time_bias=False,
        gaps=False,
        mask_seen=False,
        average=False,
        shuffle_ties=False,
        schedule="constant",
    ),
    "attention_sampled": sequence("attention", positions="relative", loss="sampled_softmax", sampler="mixed"),
    "hstu": sequence("hstu"),
    "min_gru_gbce": sequence("min_gru", loss="gbce", sampler="popularity", cosine=True),
    "convolution_features": sequence("convolution", gaps=False, features=True, item_bias=True, loss="bce"),
    "fmlp": sequence("fmlp", gaps=False, tied=False),
    "gru_bpr": sequence("gru", loss="bpr", schedule="constant"),
    "cloze_in_batch": sequence("cloze", positions="relative", loss="sampled_softmax", sampler="in_batch"),
    "blend": SPACE.complete({"family": "blend"}),
    "blend_of_three": SPACE.complete({"family": "blend", "solver": "ease", "third": "itemknn", "encoder": "gru"}),
    "blend_plain": SPACE.complete({"family": "blend", "query": "plain", "encoder": "cloze", "mask_seen": False}),
}


class AnyChooser:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(self, name: str, kind: str, **bounds: object) -> Value:
        if kind == "categorical":
            return self._random.choice(bounds["choices"])
        pick = self._random.randint if kind == "int" else self._random.uniform
        return pick(bounds["low"], bounds["high"])


def pairwise(family: str) -> list[Design]:
    """Designs in which every two structural choices that can go together do so at least once."""
    covered: set[frozenset[tuple[str, Value]]] = set()
    kept = []
    for seed in range(DRAWS):
        design = draw(SPACE, AnyChooser(seed), family)
        structure = [(name, value) for name, value in design.items() if name in SPACE.structure]
        pairs = {frozenset(pair) for pair in combinations(structure, 2)}
        if not pairs <= covered:
            covered |= pairs
            kept.append(design)
    return kept


DESIGNS = REPRESENTATIVE | {
    f"{family}_{number}": design
    for family in SPACE.families
    for number, design in enumerate(pairwise(family))
}  # fmt: skip


@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_code_as_it_was_looked_at(name: str, snapshot):
    files = CODE.render(REPRESENTATIVE[name])
    assert "\n".join(f"### {path}\n{text}" for path, text in files.items()) == snapshot


@pytest.mark.parametrize("name", DESIGNS)
def test_every_declared_parameter_is_used_and_every_used_one_declared(name: str):
    files = CODE.render(DESIGNS[name])
    declared = set(json.loads(files["params.json"]))
    code = files["model.py"] + files["train.py"]
    assert set(re.findall(r"\bparams\.(\w+)", code)) == declared
    assert declared == set(DESIGNS[name]) & set(SPACE.tunables)
    read_params(files["params.json"])


@pytest.mark.parametrize("name", DESIGNS)
def test_every_function_and_class_is_used(name: str):
    files = CODE.render(DESIGNS[name])
    for file, contract in (("model.py", {"build"}), ("train.py", {"fit"})):
        tree = ast.parse(files[file])
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert defined - used == contract
        assert ast.get_docstring(tree)


def test_all_designs_lint_and_are_formatted(tmp_path: Path):
    for name, design in DESIGNS.items():
        (tmp_path / name).mkdir()
        for file, text in CODE.render(design).items():
            (tmp_path / name / file).write_text(text)
    ruff = [sys.executable, "-m", "ruff"]
    common = ["--isolated", "--no-cache", "--line-length", "120", str(tmp_path)]
    for command in (["check", "--select", "E,F,I,B,UP,SIM,RUF"], ["format", "--check"]):
        result = subprocess.run([*ruff, *command, *common], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
