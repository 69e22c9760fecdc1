"""Takes the port that a server is to listen on, or says what to do about it."""

import errno
import socket
from pathlib import Path

from parley.errors import ConfigurationError


def listening(
    host: str, port: int, setting: str, *, file: Path | str = "configs/orchestrator.yaml"
) -> socket.socket:
    """Raises ConfigurationError where the port cannot be had; `setting` of `file` is its key."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {port} on {host} is in use: stop what listens there, or set {setting} in "
                f"{file}"
            ) from None
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error}") from None
