"""`python -m gateway`: serves until SIGTERM or SIGINT."""

import logging
import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from gateway.app import create_app
from gateway.connections import BACKLOG, KEEP_ALIVE_S, MAX_HEAD_BYTES, BoundedHttp, FewerWarnings
from gateway.listening import listening
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.telemetry.logs import configure_logging

SHUTDOWN_GRACE_S = 5
MAX_MESSAGE_BYTES = 64 * 1024
"""Of a chat's WebSocket."""

_log = logging.getLogger(__name__)


def main() -> int:
    """0 after a clean stop, 2 when the configuration cannot work or the port is taken."""
    try:
        settings = load_orchestrator()
        configure_logging(settings.telemetry, part="gateway")
        private = (settings.server.host, settings.server.gateway_health_port)
        server = uvicorn.Server(serving(create_app(settings, private=private)))
        _check_free(*private)
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


def serving(app: ASGIApp) -> uvicorn.Config:
    """How the public port is served: nothing that a client does may hold or flood it."""
    logging.getLogger("uvicorn.error").addFilter(FewerWarnings())
    return uvicorn.Config(
        app,
        http=BoundedHttp,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S,
        proxy_headers=False,  # `ClientAddress` believes those that the settings name, no others
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
    )


def _listen(settings: OrchestratorSettings) -> socket.socket:
    return listening(settings.server.host, settings.server.port, "server.port")


def _check_free(host: str, port: int) -> None:
    listening(host, port, "server.gateway_health_port").close()


if __name__ == "__main__":
    sys.exit(main())
