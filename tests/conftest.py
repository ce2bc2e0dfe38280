"""Fixtures that several kinds of tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets that `AUTOREC_DATA` names; tests that need it skip where there is none."""
    named = os.environ.get("AUTOREC_DATA")
    if not named:
        pytest.skip("no real data: set AUTOREC_DATA to a folder that holds ml-100k/")
    folder = Path(named).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data: AUTOREC_DATA names {folder}, which is no folder")
    return folder


@pytest.fixture(autouse=True, scope="session")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tests have a ledger and a cache of their own, and no keys of the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOREC_HOME", str(tmp_path_factory.mktemp("home")))
        for name in [n for n in os.environ if n.endswith("_API_KEY") or n.startswith("AUTOREC_SEARCH_")]:
            patch.delenv(name)
        yield
