"""Ports that a test finds free stay so until its server takes them."""

import socket
from contextlib import ExitStack

from testkit.isolated_config import free_ports


def test_no_connection_is_given_a_port_that_was_found_free() -> None:
    with ExitStack() as held, socket.create_server(("127.0.0.1", 0), backlog=500) as listener:
        given = set()
        for _ in range(300):
            client = held.enter_context(socket.create_connection(listener.getsockname()))
            given.add(client.getsockname()[1])
    for _ in range(20):
        assert not any(min(given) <= port <= max(given) for port in free_ports(10))


def test_they_differ() -> None:
    assert len(set(free_ports(50))) == 50
