"""The code that designs render to: a few looked at by people, many held to what a person would be glad to inherit."""

import ast
import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autorec.proposers.space_code import SpaceCode
from autorec.proposers.space_walk import draw
from autorec.schemas.params import read_params
from autorec.schemas.space import Design, Value, load_space

ROOT = Path(__file__).parents[2] / "search_spaces"
SPACE = load_space(ROOT / "retrieval.yaml")
CODE = SpaceCode(SPACE, ROOT)
RANDOM_DESIGNS = 120

REPRESENTATIVE: dict[str, Design] = {
    **{name: SPACE.named(name) for name in SPACE.designs},
    "factorization_bpr": SPACE.complete({"family": "factorization", "loss": "bpr"}),
    "gru_bce": SPACE.complete({"family": "sequence", "encoder": "gru", "loss": "bce", "schedule": "constant"}),
    "attention_sampled": SPACE.complete(
        {"family": "sequence", "loss": "sampled_softmax", "average": False, "shuffle_ties": False}
    ),
    "blend": SPACE.complete({"family": "blend"}),
    "blend_plain_gru": SPACE.complete({"family": "blend", "query": "plain", "encoder": "gru", "mask_seen": False}),
}


class AnyChooser:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(self, name: str, kind: str, **bounds: object) -> Value:
        if kind == "categorical":
            return self._random.choice(bounds["choices"])
        pick = self._random.randint if kind == "int" else self._random.uniform
        return pick(bounds["low"], bounds["high"])


DESIGNS = REPRESENTATIVE | {f"drawn_{seed}": draw(SPACE, AnyChooser(seed)) for seed in range(RANDOM_DESIGNS)}


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
