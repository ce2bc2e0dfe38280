"""The code of click models: looked at by people, clean by rule, and able to learn."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from autorec.domain.job import Part
from autorec.prompting.replies import parse_reply
from autorec.proposers.space_code import SpaceCode
from autorec.proposers.space_walk import draw
from autorec.schemas.config import SearchConfig
from autorec.schemas.params import read_params
from autorec.schemas.space import load_space
from autorec.selection.choosers import random_chooser
from autorec.tasks.known_roles import role_named
from autorec.tasks.ranking.world import ClickWorld, generate, write_csv

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import reckit
import scores

TOP = Path(__file__).parents[2]
ROOT = TOP / "search_spaces"
SPACE = load_space(ROOT / "ranking.yaml")
CODE = SpaceCode(SPACE, ROOT)

REPRESENTATIVE = {
    **{name: SPACE.named(name) for name in SPACE.designs},
    "attention": SPACE.complete({"family": "attention"}),
    "wide_and_deep_bins": SPACE.complete({"family": "deep", "pairwise": False, "numbers": "bins", "average": True}),
    "dcn_stacked_standard": SPACE.complete({"family": "cross", "layout": "stacked", "numbers": "standard"}),
    "lr_bins": SPACE.complete({"family": "linear", "numbers": "bins"}),
}
DESIGNS = REPRESENTATIVE | {f"drawn_{seed}": draw(SPACE, random_chooser(seed)) for seed in range(40)}


@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_code_as_it_was_looked_at(name, snapshot):
    files = CODE.render(REPRESENTATIVE[name])
    assert "\n".join(f"### {path}\n{text}" for path, text in files.items()) == snapshot


@pytest.mark.parametrize("name", DESIGNS)
def test_what_is_declared_is_used_and_nothing_else(name):
    files = CODE.render(DESIGNS[name])
    declared = set(json.loads(files["params.json"]))
    assert set(re.findall(r"\bparams\.(\w+)", files["model.py"] + files["train.py"])) == declared
    read_params(files["params.json"])
    for file, contract in (("model.py", {"build"}), ("train.py", {"fit"})):
        tree = ast.parse(files[file])
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert defined - {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} == contract
        assert ast.get_docstring(tree)


def test_all_designs_lint_and_are_formatted(tmp_path):
    for name, design in DESIGNS.items():
        (tmp_path / name).mkdir()
        for file, text in CODE.render(design).items():
            (tmp_path / name / file).write_text(text)
    ruff = [sys.executable, "-m", "ruff"]
    common = ["--isolated", "--no-cache", "--line-length", "120", str(tmp_path)]
    for command in (["check", "--select", "E,F,I,B,UP,SIM,RUF"], ["format", "--check"]):
        result = subprocess.run([*ruff, *command, *common], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]


class OutOfTime(Exception):
    """What the harness does at the last checkpoint."""


class CountedRun:
    """The run object of the harness with a clock that ticks at each checkpoint."""

    seed = 3

    def __init__(self, checkpoints):
        self.seconds_left, self.latest = float(checkpoints), None

    def checkpoint(self, recommender):
        self.latest, self.seconds_left = recommender, self.seconds_left - 1
        if self.seconds_left <= 0:
            raise OutOfTime

    def log(self, **values): ...


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As in a training: threads that wait for one another would take most of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """Training rows, held-out rows, and the labels of those in the order in which they are asked."""
    folder = tmp_path_factory.mktemp("clicks")
    write_csv(generate(ClickWorld(n_users=200, n_items=40, n_rows=5000)).rows, folder / "clicks.csv")
    material = role_named("ranking").load(SearchConfig(role="ranking", data=folder / "clicks.csv"))
    material.write_training(b"s", (Part.TRAIN,), folder / "data")
    material.write_query(b"s", Part.SELECT, folder / "query")
    data = reckit.open_data(folder / "data")
    truth = material.key(b"s")["truth"](Part.SELECT)
    return data, reckit.open_rows(folder / "query", like=data), torch.from_numpy(truth.labels[truth.asked])


def trained(files, data, checkpoints):
    """The trained model, and a fresh one that loaded its state, as a predict job does."""
    torch.manual_seed(0)
    params = SimpleNamespace(**{name: entry["default"] for name, entry in json.loads(files["params.json"]).items()})
    modules = {}
    for name in ("model", "train"):
        modules[name] = ModuleType(name)
        exec(compile(files[f"{name}.py"], f"{name}.py", "exec"), modules[name].__dict__)
    run, recommender = CountedRun(checkpoints), modules["model"].build(data, params)
    try:
        modules["train"].fit(recommender, data, params, run)
    except OutOfTime:
        assert run.seconds_left <= 0
    fresh = modules["model"].build(data.take(slice(0, len(data) // 2)), params)
    fresh.load_state_dict(run.latest.state_dict())
    return run.latest, fresh


def area(labels, answers):
    above = answers[labels][:, None] > answers[~labels]
    return (above + 0.5 * (answers[labels][:, None] == answers[~labels])).mean()


@pytest.mark.parametrize("name", [name for name in REPRESENTATIVE if name != "constant"])
def test_designs_learn_and_keep_what_they_learned(name, clicks):
    data, rows, labels = clicks
    model, fresh = trained(CODE.render({**REPRESENTATIVE[name], "passes": 20}), data, checkpoints=80)
    answers = scores.probabilities(model, rows)
    assert area(labels.numpy(), answers) > 0.6
    assert abs(answers.mean() / labels.float().mean().item() - 1) < 0.25
    assert (scores.probabilities(fresh, rows) == answers).all()


@pytest.mark.parametrize("passes", [1, 3])
def test_training_ends_after_the_declared_passes(passes, clicks):
    data, _, _ = clicks
    trained_by = CountedRun(10_000)
    files = CODE.render(SPACE.complete({"family": "linear", "passes": passes, "batch_rows": 1024}))
    model, train = (ModuleType(name) for name in ("model", "train"))
    for made in (model, train):
        exec(compile(files[f"{made.__name__}.py"], f"{made.__name__}.py", "exec"), made.__dict__)
    params = SimpleNamespace(**{name: entry["default"] for name, entry in json.loads(files["params.json"]).items()})
    train.fit(model.build(data, params), data, params, trained_by)
    assert 10_000 - trained_by.seconds_left == passes * -(-len(data) // 1024)


@pytest.mark.parametrize(("n_numeric", "n_categorical"), [(0, 2), (2, 0), (2, 1)])
@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_designs_take_whatever_columns_there_are(name, n_numeric, n_categorical):
    """None of a kind, and a column of numbers that is missing throughout."""
    generator = torch.Generator().manual_seed(0)
    numeric = torch.randn(300, n_numeric, generator=generator)
    numeric[:, :1] = torch.nan
    data = reckit.Rows(
        numeric=numeric,
        categorical=torch.randint(0, 5, (300, n_categorical), generator=generator, dtype=torch.int32),
        n_codes=(5,) * n_categorical,
        n_users=None,
        labels=(torch.rand(300, generator=generator) < 0.3).float(),
        users=None,
        timestamps=None,
    )
    model, _ = trained(CODE.render(REPRESENTATIVE[name]), data, checkpoints=2)
    assert len(scores.probabilities(model, data)) == 300


def test_the_constant_is_the_base_rate(clicks):
    data, rows, _ = clicks
    model, _ = trained(CODE.render(REPRESENTATIVE["constant"]), data, checkpoints=1)
    assert scores.probabilities(model, rows) == pytest.approx(data.labels.mean().item())


def test_the_example_in_the_prompt_learns(clicks):
    data, rows, labels = clicks
    reply = parse_reply((TOP / "prompts/partials/ranking/example.j2").read_text())
    model, _ = trained(dict(reply.files), data, checkpoints=80)
    assert area(labels.numpy(), scores.probabilities(model, rows)) > 0.6


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda rows: torch.zeros(len(rows) + 1), "must return shape"),
        (lambda rows: torch.zeros(len(rows), dtype=torch.int64), "must return floats"),
        (lambda rows: torch.full((len(rows),), torch.nan), "NaN or infinite"),
        (lambda rows: torch.full((len(rows),), 3.0), "Logits become probabilities by torch.sigmoid"),
        (lambda rows: None, "returned NoneType"),
    ],
)
def test_the_harness_names_what_is_wrong_with_an_answer(clicks, answer, message):
    from contract import ContractError

    _, rows, _ = clicks
    with pytest.raises(ContractError, match=message):
        scores.probabilities(SimpleNamespace(score_pairs=answer), rows)
    with pytest.raises(ContractError, match="must have score_pairs"):
        scores.probabilities(SimpleNamespace(score=answer), rows)
