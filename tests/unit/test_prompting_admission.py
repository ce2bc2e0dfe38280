"""Static checks before the sandbox."""

import pytest

from autorec.prompting.admission import breaches

GOOD = {
    "model.py": "import torch\nfrom layers import Block\n\n\ndef build(data, params):\n    return Block()\n",
    "train.py": "import reckit\n\n\ndef fit(recommender, data, params, run):\n    run.checkpoint(recommender)\n",
    "layers.py": "class Block: ...\n",
    "params.json": '{"lr": {"type": "float", "low": 0.001, "high": 0.1, "log": true, "default": 0.01}}',
}


def test_a_good_candidate_has_no_breach():
    assert breaches(GOOD) == []


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("model.py", "def build(data, params:\n", "model.py line 1: "),
        ("model.py", "x = 1\n", "model.py: must define build(data, params) at the top level"),
        ("model.py", "def build(data):\n    pass\n", "build must take 2 positional arguments"),
        ("model.py", "def build(data, params, *, extra):\n    pass\n", "build must take 2 positional arguments"),
        ("train.py", "def fit(recommender, data, params):\n    pass\n", "fit must take 4 positional arguments"),
        ("layers.py", "import requests\n", "layers.py line 1: imports requests; a candidate may import numpy, reckit"),
        ("layers.py", "import urllib.request\n", "imports urllib"),
        ("layers.py", "def f():\n    from subprocess import run\n", "layers.py line 2: imports subprocess"),
        ("layers.py", "x = '\0'", "layers.py line 1: source code string cannot contain null bytes"),
        ("layers.py", "(" * 5000, "layers.py"),
        ("torch.py", "x = 1", "torch.py hides the module torch"),
        ("../x.py", "x = 1", "each part must be"),
        ("params.json", "{", "params.json: line 1 is no JSON"),
        ("params.json", "[]", "params.json: top level: expected keys and values, got []"),
        ("params.json", '{"lr": 0.1}', "params.json: lr: "),
        ("params.json", '{"lr": {"type": "real", "default": 1}}', "params.json: lr: "),
        ("params.json", '{"a": {"type": "int", "low": 1, "high": 3, "default": 9}}', "default 9 is outside [1, 3]"),
        (
            "params.json",
            '{"a": {"type": "choice", "choices": [1], "default": 2}}',
            "default 2 is not among the choices",
        ),
        (
            "params.json",
            '{"a": {"type": "float", "low": 0, "high": 1, "log": true, "default": 1}}',
            "log needs low above",
        ),
        ("params.json", '{"a": {"type": "float", "low": NaN, "high": 1, "default": 1}}', "finite"),
    ],
)
def test_a_breach_says_where_and_what(path, text, said):
    found = breaches({**GOOD, path: text})
    assert len(found) == 1, found
    assert said in found[0]


def test_missing_files_are_named():
    assert breaches({"model.py": GOOD["model.py"], "layers.py": ""}) == [
        "train.py is missing; a candidate has model.py and train.py"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "from layers import build\n",
        "def build(*args):\n    pass\n",
        "build = print\n",
        "def build(d, p, k=1):\n    pass\n",
    ],
)
def test_other_ways_to_define_build(text):
    assert breaches({**GOOD, "model.py": text}) == []
