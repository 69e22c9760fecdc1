"""The frame of the workers as a client and a supervisor see it."""

import asyncio
import os
import signal
import socket
import urllib.request

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from parley.errors import ConfigurationError
from parley.telemetry.worker import first_audio_latency, synthesis_metrics
from testkit.isolated_config import free_ports
from workers.serving.admission import Slots
from workers.serving.binding import Binding
from workers.serving.errors import answering_errors, invalid_argument
from workers.serving.server import WorkerServer

pytestmark = pytest.mark.servers

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Echo:
    """A service of one stream: echoes until the client half-closes, holding a slot."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots

    def handler(self) -> grpc.GenericRpcHandler:
        method = grpc.stream_stream_rpc_method_handler(self._stream)
        return grpc.method_handlers_generic_handler("test.Echo", {"Stream": method})

    async def _stream(self, requests, context):  # type: ignore[no-untyped-def]
        async with answering_errors(context), self._slots.admitted():
            async for message in requests:
                if message == b"bad":
                    raise invalid_argument("message", "is bad")
                if message == b"bug":
                    raise KeyError("oops")
                yield message


class Worker:
    """A WorkerServer on free ports with its address."""

    def __init__(self, *, port: int = 0, metrics_port: int = 0, **options: object) -> None:
        self.slots = Slots(2, queue_wait_s=0.0)
        free, metrics_free = free_ports(2)
        self.port, self.metrics_port = port or free, metrics_port or metrics_free
        self.server = WorkerServer(
            binding=Binding(host="127.0.0.1", port=self.port, metrics_port=self.metrics_port),
            slots=self.slots,
            metrics=synthesis_metrics(self.slots, first_audio_latency()),
            services=("test.Echo",),
            with_reflection=True,
            **options,  # type: ignore[arg-type]
        )
        self.server.grpc.add_generic_rpc_handlers((Echo(self.slots).handler(),))


async def _health(channel: grpc.aio.Channel, service: str = "") -> int:
    stub = health_pb2_grpc.HealthStub(channel)
    response = await stub.Check(
        health_pb2.HealthCheckRequest(service=service), wait_for_ready=True, timeout=10
    )
    return int(response.status)


async def until_health(channel: grpc.aio.Channel, status: int) -> None:
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=10)
    async for response in watch:
        if response.status == status:
            break
    watch.cancel()


def _stream(channel: grpc.aio.Channel):  # type: ignore[no-untyped-def]
    return channel.stream_stream("/test.Echo/Stream")()


async def test_health_says_serving_only_when_the_worker_is_warm() -> None:
    worker = Worker()
    async with worker.server as server, grpc.aio.insecure_channel(f"127.0.0.1:{worker.port}") as ch:
        await server.start()
        assert await _health(ch) == NOT_SERVING
        serving = asyncio.create_task(server.serve())
        await until_health(ch, SERVING)
        assert await _health(ch, "test.Echo") == SERVING
        server.stop()
        await asyncio.wait_for(serving, 10)


async def test_sigterm_lets_running_streams_finish_and_admits_no_new_one() -> None:
    worker = Worker()
    async with worker.server as server, grpc.aio.insecure_channel(f"127.0.0.1:{worker.port}") as ch:
        await server.start()
        serving = asyncio.create_task(server.serve())
        call = _stream(ch)
        await call.write(b"one")
        assert await call.read() == b"one"
        os.kill(os.getpid(), signal.SIGTERM)
        await until_health(ch, NOT_SERVING)
        refused = _stream(ch)
        assert await refused.code() is grpc.StatusCode.UNAVAILABLE
        await call.write(b"two")
        assert await call.read() == b"two"
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.OK
        await asyncio.wait_for(serving, 10)


async def test_drain_ends_after_its_time_though_a_stream_goes_on() -> None:
    worker = Worker(drain_s=0.1)
    async with worker.server as server, grpc.aio.insecure_channel(f"127.0.0.1:{worker.port}") as ch:
        await server.start()
        serving = asyncio.create_task(server.serve())
        call = _stream(ch)
        await call.write(b"one")
        assert await call.read() == b"one"
        server.stop()
        await asyncio.wait_for(serving, 10)
        assert await call.code() is not grpc.StatusCode.OK


async def test_port_in_use_is_one_clear_error() -> None:
    first = Worker()
    async with first.server as server:
        await server.start()
        second = Worker(port=first.port)
        async with second.server as other:
            with pytest.raises(ConfigurationError, match=f":{first.port} cannot be listened on"):
                await other.start()
        third = Worker(metrics_port=first.metrics_port)
        async with third.server as other:
            with pytest.raises(ConfigurationError, match="metrics_port"):
                await other.start()


async def test_metrics_are_served_and_the_port_is_given_back() -> None:
    worker = Worker()
    url = f"http://127.0.0.1:{worker.metrics_port}/metrics"
    async with worker.server as server:
        await server.start()
        body = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read())
    assert b"worker_utilization_percent" in body
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", worker.metrics_port))


async def test_errors_travel_with_their_details() -> None:
    worker = Worker()
    async with worker.server as server, grpc.aio.insecure_channel(f"127.0.0.1:{worker.port}") as ch:
        await server.start()
        call = _stream(ch)
        await call.write(b"bad")
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call.read()
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        status = rpc_status.from_call(failure.value)
        bad_request = error_details_pb2.BadRequest()
        assert status.details[0].Unpack(bad_request)
        assert bad_request.field_violations[0].field == "message"

        call = _stream(ch)
        await call.write(b"bug")
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call.read()
        assert failure.value.code() is grpc.StatusCode.INTERNAL
        assert "KeyError" in failure.value.details()


async def test_pings_every_second_do_not_lose_the_connection() -> None:
    worker = Worker()
    pings = (
        ("grpc.keepalive_time_ms", 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    )
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{worker.port}", options=pings)
    async with worker.server as server, channel as ch:
        await server.start()
        call = _stream(ch)
        await call.write(b"one")
        assert await call.read() == b"one"
        await asyncio.sleep(4.5)
        await call.write(b"two")
        assert await call.read() == b"two"
