"""Fixtures that several kinds of tests share."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """No test reaches a network: sockets connect to this machine or not at all."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            raise PermissionError(f"a test tried to reach {address[0]}; tests stay on this machine")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
