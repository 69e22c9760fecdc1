"""The frame of every worker process: gRPC server, health, metrics, watchdog, graceful shutdown.

A worker is a few lines on top of it:

    async def serve(settings: WorkerSettings) -> None:
        slots = Slots(...)
        async with WorkerServer(..., slots=slots) as server:
            rpc.add_SpeechSynthesisServicer_to_server(service, server.grpc)
            await server.start()       # the port is taken, health says NOT_SERVING
            await server.run_unless_stopped(warm_up())
            await server.serve()       # SERVING until SIGTERM, then drained

    sys.exit(run("tts", serve))
"""

import argparse
import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from types import TracebackType
from typing import Any, Self

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from parley.errors import ConfigurationError, ParleyError
from parley.settings import WorkerSettings, load_worker
from parley.small_http import HttpReply, SmallHttpServer
from parley.telemetry.logs import configure_logging
from parley.telemetry.tracing import configure_tracing
from workers.serving.admission import Slots
from workers.serving.binding import Binding
from workers.serving.lease import Registration
from workers.serving.watchdog import EventLoopWatchdog

_log = logging.getLogger(__name__)

_LAST_CALLS_S = 1.0
"""Given to calls to finish once the streams are done (or the drain time is over)."""

_OPTIONS = (
    # Two workers must not share a port without anyone noticing.
    ("grpc.so_reuseport", 0),
    # Clients ping every second to notice a frozen worker; they must not be sent away for it.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 500),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    # A client whose host is gone gives its slot back.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
)


class WorkerServer:
    """One gRPC server with its surroundings; use as an async context manager.

    `services` are the full names of the services added to `grpc`, `metrics` what is exported
    beside them. SIGTERM and SIGINT drain: the
    registry learns it, health says NOT_SERVING, nothing new is admitted, running streams get
    `drain_s` to finish, and the lease is given up; a second signal ends it at once.
    """

    def __init__(
        self,
        *,
        binding: Binding,
        slots: Slots,
        metrics: CollectorRegistry,
        services: tuple[str, ...],
        with_reflection: bool,
        registration: Registration | None = None,
        drain_s: float = 60.0,
    ) -> None:
        self._binding = binding
        self._slots = slots
        self._services = services
        self._with_reflection = with_reflection
        self._registration = registration
        self._drain_s = drain_s
        self._health = health.aio.HealthServicer()
        self._stop = asyncio.Event()
        self._stop_at_once = asyncio.Event()
        self._metrics = _metrics_port(metrics)
        self._surroundings = ExitStack()
        self.grpc: grpc.aio.Server = grpc.aio.server(options=_OPTIONS)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
            self._surroundings.callback(loop.remove_signal_handler, number)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.grpc.stop(None)
        await self._metrics.aclose()
        self._surroundings.close()

    async def start(self) -> None:
        """Takes both ports and answers calls; health says NOT_SERVING until `serve`.

        Raises ConfigurationError when a port cannot be bound.
        """
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        if self._with_reflection:
            names = (*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self.grpc)
        self._take_port()
        await self._start_metrics()
        await self.grpc.start()
        self._surroundings.enter_context(EventLoopWatchdog())
        at = self._binding
        how = "plain text" if at.credentials is None else "TLS"
        _log.info("listening on %s:%d (%s), metrics on %d", at.host, at.port, how, at.metrics_port)

    async def serve(self) -> None:
        """Serves until a signal (or `stop`), then drains."""
        async with AsyncExitStack() as registered:
            if not self._stop.is_set():
                await self._set_health(health_pb2.HealthCheckResponse.SERVING)
                _log.info("ready")
                if self._registration is not None:
                    await registered.enter_async_context(self._registration.announced())
                    await self._stop.wait()
                    await self._registration.drain()
            await self._stop.wait()
            await self._drain()

    async def run_unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Does `work` (a warm-up), cancelled when a signal comes; raises what it raises."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, stopping):
                task.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)
        if not working.cancelled():
            working.result()

    def stop(self) -> None:
        """Begins to drain; called again, ends at once."""
        if self._stop.is_set():
            self._stop_at_once.set()
        self._stop.set()

    async def _drain(self) -> None:
        _log.info("draining: %d streams are open", self._slots.open)
        await self._health.enter_graceful_shutdown()
        self._slots.close()
        waits = [
            asyncio.create_task(self._slots.idle()),
            asyncio.create_task(self._stop_at_once.wait()),
        ]
        await asyncio.wait(waits, timeout=self._drain_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if self._slots.open:
            _log.warning("ending with %d streams still open", self._slots.open)
        await self.grpc.stop(None if self._stop_at_once.is_set() else _LAST_CALLS_S)
        _log.info("ended")

    async def _set_health(self, status: int) -> None:
        for service in ("", *self._services):
            await self._health.set(service, status)

    def _take_port(self) -> None:
        at = self._binding
        address = f"[{at.host}]:{at.port}" if ":" in at.host else f"{at.host}:{at.port}"
        try:
            _try_to_listen(at.host, at.port)
            if at.credentials is None:
                self.grpc.add_insecure_port(address)
            else:
                self.grpc.add_secure_port(address, at.credentials)
        except (OSError, RuntimeError):
            raise _port_error(at.host, at.port, "port") from None

    async def _start_metrics(self) -> None:
        at = self._binding
        try:
            await self._metrics.start(at.host, at.metrics_port)
        except OSError as error:
            raise _port_error(at.host, at.metrics_port, f"metrics_port ({error})") from None


def run(part: str, serve: Callable[[WorkerSettings], Awaitable[None]]) -> int:
    """Runs a worker to its end; gives the exit status: 2 when its configuration cannot work."""

    async def main(settings: WorkerSettings) -> None:
        await serve(settings)

    parser = argparse.ArgumentParser(prog=f"python -m workers.{part}")
    parser.add_argument(
        "--number",
        type=int,
        default=1,
        help="of several workers on a machine: each listens 10 ports further than the one before",
    )
    number = max(1, parser.parse_args().number)
    try:
        settings = load_worker().numbered(number)
        configure_logging(settings.telemetry, part=part)
        configure_tracing(settings.telemetry, part=part)
        asyncio.run(main(settings))
    except ConfigurationError as error:
        print(f"{part} worker: {error}", file=sys.stderr)
        return 2
    except ParleyError as error:
        print(f"{part} worker: {error}", file=sys.stderr)
        return 1
    return 0


def _try_to_listen(host: str, port: int) -> None:
    """Raises OSError where one cannot: gRPC would also write its own view of it to the log."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()


def _metrics_port(registry: CollectorRegistry) -> SmallHttpServer:
    async def metrics(accepted: str) -> HttpReply:
        """Exemplars exist in OpenMetrics alone, which who wants them asks for."""
        encode, content_type = choose_encoder(accepted)
        return HttpReply(encode(registry), content_type=content_type)

    return SmallHttpServer({}, negotiated={"/metrics": metrics})


def _port_error(host: str, port: int, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{host}:{port} cannot be listened on: the port is in use or the address is not this "
        f"machine's; end what uses it, or set another {what} in configs/worker.yaml"
    )
