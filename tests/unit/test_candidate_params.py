"""The declared hyper-parameters of a candidate, as its code gets them inside the sandbox."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

from contract import ContractError, Params, load_params


def write_params(folder: Path, text: str) -> Path:
    (folder / "params.json").write_text(text)
    return folder


def test_params_are_defaults_overridden_by_the_job_and_read_both_ways(tmp_path: Path) -> None:
    write_params(
        tmp_path,
        '{"lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": true, "default": 0.01},'
        ' "layers": {"type": "int", "low": 1, "high": 4, "default": 2},'
        ' "loss": {"type": "choice", "choices": ["bpr", "bce"], "default": "bpr"}}',
    )
    params = load_params(tmp_path, {"layers": 3})
    assert (params.lr, params["layers"], params.loss) == (0.01, 3, "bpr")
    assert dict(params) == {"lr": 0.01, "layers": 3, "loss": "bpr"}
    with pytest.raises(AttributeError, match=r"'dropout' is not declared in params.json; declared: layers, loss, lr"):
        _ = params.dropout
    with pytest.raises(AttributeError, match="read-only"):
        params.lr = 1.0


def test_no_params_file_means_no_params(tmp_path: Path) -> None:
    assert dict(load_params(tmp_path, {})) == {}
    assert isinstance(load_params(tmp_path, {}), Params)


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("{", {}, "not JSON"),
        ("[]", {}, "must be an object"),
        ('{"lr": 0.1}', {}, "lr must look like"),
        ('{"lr": {"type": "real", "default": 0.1}}', {}, "float, int, bool, choice"),
        ('{"n": {"type": "int", "default": 2.5}}', {}, "declared as int"),
        ('{"n": {"type": "int", "default": true}}', {}, "declared as int"),
        ('{"c": {"type": "choice", "choices": ["a"], "default": "b"}}', {}, "must be one of"),
        ('{"n": {"type": "int", "default": 2}}', {"m": 1}, r"sets \['m'\]"),
    ],
)
def test_params_that_do_not_hold_together_are_refused(tmp_path: Path, text: str, overrides: Any, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        load_params(write_params(tmp_path, text), overrides)
