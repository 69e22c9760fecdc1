"""`python -m gateway.orchestrate`: serves /orchestrate until SIGTERM or SIGINT."""

import os
import resource
import signal
import socket
import ssl
import sys

import uvicorn
from uvicorn.supervisors import Multiprocess

from gateway.connections import KEEP_ALIVE_S, MAX_HEAD_BYTES, BoundedHttp
from gateway.listening import listening
from gateway.orchestrate.app import create_orchestrator
from gateway.orchestrate.configuring import CONFIG_PATH, configure, orchestrator_config
from parley import paths
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings, load_orchestrator

SHUTDOWN_GRACE_S = 5
BACKLOG = 2048
"""Whole fleets of clients come back at once after a restart."""
MAX_MESSAGE_BYTES = 64 * 1024
PING_EVERY_S = 20.0
_TLS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def main(config: str = "") -> int:
    """0 after a clean stop, 2 when the configuration cannot work or the port is taken."""
    try:
        file = orchestrator_config(config)
        os.environ[CONFIG_PATH] = str(file)
        settings = load_orchestrator(file)
        configure(settings)
        listener = listening(settings.server.host, settings.server.port, "server.port", file=file)
        raise_descriptors()
        return _serve(settings, listener)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2


def _serve(settings: OrchestratorSettings, listener: socket.socket) -> int:
    # uvicorn raises the signal again after its clean stop; that must not kill us.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: None)
    with listener:
        if settings.server.workers > 1:
            create_orchestrator(settings)  # wrong settings are told once, and here
            config = serving("gateway.orchestrate.app:from_environment", settings)
            Multiprocess(config, sockets=[listener]).run()
            return 0
        server = uvicorn.Server(serving(create_orchestrator(settings), settings))
        server.run(sockets=[listener])
    return 0 if server.started else 1


def serving(app: object, settings: OrchestratorSettings) -> uvicorn.Config:
    """How the port is served: WebSockets without compression, which would take a client's memory
    a thousand times."""
    tls = settings.server.tls
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        factory=isinstance(app, str),
        workers=settings.server.workers,
        http=BoundedHttp,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_EVERY_S,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S,
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        ssl_certfile=str(paths.config_dir() / tls.cert) if tls.cert else None,
        ssl_keyfile=str(paths.config_dir() / tls.key) if tls.cert else None,
    )
    if tls.cert and settings.server.workers == 1:
        config.load()
        assert config.ssl is not None
        config.ssl.minimum_version = _TLS[tls.min_version]
    return config


def raise_descriptors() -> None:
    """As many files as the system allows: each client is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
