"""How the orchestrator's port is served, in this process or in several."""

import ssl

import uvicorn

from gateway.connections import KEEP_ALIVE_S, MAX_HEAD_BYTES, BoundedHttp
from parley import paths
from parley.settings import OrchestratorSettings

SHUTDOWN_GRACE_S = 5
BACKLOG = 2048
"""Whole fleets of clients come back at once after a restart."""
MAX_MESSAGE_BYTES = 64 * 1024
PING_EVERY_S = 20.0
_TLS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class OwnTls(uvicorn.Config):
    """uvicorn's, which has no setting for the oldest TLS; each process of several loads its own."""

    min_version = "1.2"

    def load(self) -> None:
        super().load()
        if self.ssl is not None:
            self.ssl.minimum_version = _TLS[self.min_version]


def serving(app: object, settings: OrchestratorSettings) -> uvicorn.Config:
    """How the port is served: WebSockets without compression, which would take a client's memory
    a thousand times."""
    tls = settings.server.tls
    config = OwnTls(
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
    config.min_version = tls.min_version
    return config
