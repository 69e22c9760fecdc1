"""`python -m gateway.orchestrate`: serves /orchestrate until SIGTERM or SIGINT."""

import os
import resource
import signal
import socket
import sys

import uvicorn
from uvicorn.supervisors import Multiprocess

from gateway.listening import listening
from gateway.orchestrate.app import create_orchestrator
from gateway.orchestrate.configuring import CONFIG_PATH, configure, orchestrator_config
from gateway.orchestrate.serving import serving
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings, load_orchestrator


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
        print(f"parley: {error}", file=sys.stderr)
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


def raise_descriptors() -> None:
    """As many files as the system allows: each client is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
