"""The guard of tests/conftest.py: no test reaches a network beyond loopback."""

import socket
from pathlib import Path

import pytest


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "127.0.0.1.example.org", ""])
def test_other_machines_are_out_of_reach(host: str) -> None:
    with pytest.raises(RuntimeError, match="no network beyond loopback"):
        socket.create_connection((host, 80), timeout=1)
    with socket.socket() as own:
        for connect in (own.connect, own.connect_ex):
            with pytest.raises(RuntimeError, match="no network beyond loopback"):
                connect((host, 80))


def test_an_address_of_the_sixth_version_is_out_of_reach() -> None:
    with socket.socket(socket.AF_INET6) as own, pytest.raises(RuntimeError, match="2001:db8::1"):
        own.connect(("2001:db8::1", 80))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_reached(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection((host, listener.getsockname()[1]), timeout=5).close()


def test_unix_sockets_are_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as own:
        listener.bind("own")
        listener.listen()
        own.connect("own")
