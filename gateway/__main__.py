"""`python -m gateway`: serves until SIGTERM or SIGINT."""

import errno
import logging
import signal
import socket
import sys

import uvicorn

from gateway.app import create_app
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.telemetry.logs import configure_logging

SHUTDOWN_GRACE_S = 5

_log = logging.getLogger(__name__)


def main() -> int:
    """0 after a clean stop, 2 when the configuration cannot work or the port is taken."""
    try:
        settings = load_orchestrator()
        configure_logging(settings.telemetry.log_level, part="gateway")
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings),
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
            )
        )
        listener = _listen(settings)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    # uvicorn raises the signal again after its clean stop; that must not kill us.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: None)
    with listener:
        _log.info("listening on http://%s:%d", settings.server.host, settings.server.port)
        server.run(sockets=[listener])
    return 0 if server.started else 1


def _listen(settings: OrchestratorSettings) -> socket.socket:
    host, port = settings.server.host, settings.server.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {port} on {host} is in use: stop what listens there, "
                "or set server.port in configs/orchestrator.yaml"
            ) from None
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
