"""Whether the ports of the parts are free, and who holds those that are not."""

import errno
import socket
from collections.abc import Iterator, Sequence

import psutil

from ops.supervisor.part import ListeningPort, Part
from parley.errors import SupervisorError

_EVERY_ADDRESS = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not bound
_ALL_AT_ONCE = "beside another Parley, ./run up --port-offset 100 moves all ports at once"


def check_ports(parts: Sequence[Part]) -> None:
    """Raises SupervisorError with one line for each port that cannot be had."""
    held = _held(parts)
    problems = [
        *(f"port {port} {problem}" for port, problem in collisions(parts)),
        *held,
    ]
    if problems:
        raise SupervisorError("\n".join([*problems, *([_ALL_AT_ONCE] if held else [])]))


def collisions(parts: Sequence[Part]) -> Iterator[tuple[int, str]]:
    """The ports that two settings claim, each with why it cannot be had and what to do."""
    seen: list[ListeningPort] = []
    for port in (port for part in parts for port in part.ports):
        for other in seen:
            is_same = (port.port, port.protocol) == (other.port, other.protocol)
            if is_same and (port.host == other.host or {port.host, other.host} & _EVERY_ADDRESS):
                what = f"is both {other.setting} and {port.setting}: give one of them another"
                yield port.port, what
        seen.append(port)


def _held(parts: Sequence[Part]) -> list[str]:
    return [
        problem
        for part in parts
        for port in part.ports
        if (problem := why_not_free(port, part_name=part.name))
    ]


def why_not_free(port: ListeningPort, *, part_name: str) -> str | None:
    """None when a part may listen on `port`, else why not and what to do."""
    kind = socket.SOCK_STREAM if port.protocol == "tcp" else socket.SOCK_DGRAM
    try:
        family, _, _, _, address = socket.getaddrinfo(
            port.host or None, port.port, type=kind, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as listener:
            if port.protocol == "tcp":
                # Connections that are still closing are no hindrance, a listener is.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except socket.gaierror as error:
        return f"{port.setting}: {port.host!r} is no address of this machine ({error.strerror})"
    except OSError as error:
        what = f"port {port.port} ({part_name})"
        if error.errno == errno.EADDRINUSE:
            return f"{what} is in use by {holder(port)}: stop that, or change {port.setting}"
        return f"{what} cannot be used: {error.strerror}; change {port.setting}"
    return None


def holder(port: ListeningPort) -> str:
    """Who holds the port, as `PID 123 (name)`."""
    try:
        connections = psutil.net_connections(port.protocol)
    except psutil.Error:
        connections = []
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN or port.protocol == "udp"
        if listens and connection.laddr and connection.laddr.port == port.port and connection.pid:
            try:
                name = psutil.Process(connection.pid).name()
            except psutil.Error:
                name = "ended meanwhile"
            return f"PID {connection.pid} ({name})"
    return "a process of another user"
