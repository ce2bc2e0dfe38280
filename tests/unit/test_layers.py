"""The contracts of import-linter leave nothing out: a new package is named in them, or a person says why not."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
SOURCES = {c["name"]: {m.removeprefix("autorec.") for m in c.get("source_modules", ())} for c in CONTRACTS}


def modules() -> set[str]:
    """Packages and modules directly in `autorec`."""
    entries = [e for e in (ROOT / "autorec").iterdir() if not e.name.startswith("_")]
    return {e.stem for e in entries if e.suffix == ".py" or e.is_dir()}


@pytest.mark.parametrize(
    ("contract", "home"), [("Optuna lives in selection only", "selection"), ("provider SDKs live in llm only", "llm")]
)
def test_a_library_that_lives_in_one_package_is_denied_to_all_others(contract: str, home: str) -> None:
    assert SOURCES[contract] == modules() - {home}
