"""`python -m gateway.chat`: serves chats on server.host and server.port until it is told to end."""

import signal
import sys

import uvicorn

from gateway.chat.app import create_chat_app
from gateway.connections import BoundedHttp
from parley.errors import ConfigurationError
from parley.settings import load_orchestrator
from parley.telemetry.logs import configure_logging

SHUTDOWN_GRACE_S = 5
MAX_MESSAGE_BYTES = 64 * 1024
BACKLOG = 1024


def main() -> int:
    """0 after a clean stop, 2 when the configuration cannot work."""
    try:
        settings = load_orchestrator()
        configure_logging(settings.telemetry, part="chat")
        app = create_chat_app(settings)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.server.host,
            port=settings.server.port,
            http=BoundedHttp,
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            backlog=BACKLOG,
            proxy_headers=False,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
    )
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: None)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
