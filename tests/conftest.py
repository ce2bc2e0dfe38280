"""Fixtures that several kinds of tests share."""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autorec.execution.cgroup import Groups, own_group


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
    """No test in this process reaches a network: sockets connect to this machine only, and no name is looked up."""
    with pytest.MonkeyPatch.context() as patch:
        for method in ("connect", "connect_ex"):
            patch.setattr(socket.socket, method, _guarded(getattr(socket.socket, method)))
        look_up = socket.getaddrinfo

        def guarded_look_up(host: bytes | str | None, *more: Any, **named: Any) -> Any:
            _check_host(host)
            return look_up(host, *more, **named)

        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


def _guarded(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
    def guarded_connect(own: socket.socket, address: Any) -> Any:
        if own.family in (socket.AF_INET, socket.AF_INET6):
            _check_host(address[0])
        return connect(own, address)

    return guarded_connect


def _check_host(host: bytes | str | None) -> None:
    """None and localhost are this machine; of addresses, 127.0.0.0/8 and ::1 are."""
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name == "localhost":
        return
    try:
        own = ipaddress.ip_address(name).is_loopback
    except ValueError:
        own = False
    if not own:
        raise RuntimeError(f"a test reached for {name!r}: tests may use no network beyond loopback")


@pytest.fixture
def cgroups() -> Iterator[Groups]:
    """A real hierarchy, without controllers, where this process may make groups; all put back afterwards."""
    own = own_group()
    if own is None or not os.access(own, os.W_OK):
        pytest.skip("this process may not make cgroups (v2)")
    try:
        made = Groups.open(own, controllers=())
    except OSError as error:
        pytest.skip(f"this process may not make cgroups (v2): {error}")
    yield made
    made.close()
    assert not made.leaf.exists()
