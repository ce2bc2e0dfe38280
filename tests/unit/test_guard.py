import socket

import pytest


def test_tests_reach_this_machine_only():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    with pytest.raises(PermissionError, match="tests stay on this machine"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
