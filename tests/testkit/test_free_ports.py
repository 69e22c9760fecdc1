"""Ports that a test finds free stay so until its server takes them."""

import socket
from contextlib import ExitStack

import pytest

from testkit.isolated_config import TCP_PORTS, UDP_BEGINNINGS, free_ports, own_share


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


def test_processes_side_by_side_find_different_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    def share_of(worker: int, count: int) -> set[int]:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{worker}")
        monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(count))
        assert set(free_ports(20)) <= set(own_share(TCP_PORTS))
        assert len(own_share(UDP_BEGINNINGS)) > 1
        return set(own_share(TCP_PORTS))

    shares = [share_of(worker, 4) for worker in range(4)]
    assert sum(map(len, shares)) == len(set().union(*shares)) == len(TCP_PORTS)
    assert share_of(4, 4) == shares[0], "it has taken the place of one that died"
    assert len(share_of(100, 128)) == 200


def test_a_process_alone_may_take_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    assert own_share(TCP_PORTS) == TCP_PORTS
