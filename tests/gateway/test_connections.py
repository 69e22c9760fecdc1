"""Requests that never come, and nonsense, on the real server: nobody else notices, nor the log."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from gateway import connections
from gateway.__main__ import serving
from gateway.app import create_app
from gateway.connections import MAX_CONNECTIONS, FewerWarnings
from parley.settings import OrchestratorSettings
from testkit.raw_http import answered
from tests.gateway.conftest import TurnedClock, settings_with

HALF = b"POST /api/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-"
NO_BODY = b"POST /api/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"


@dataclass
class Served:
    """A gateway as the process serves it, in this event loop."""

    server: uvicorn.Server
    port: int

    async def has_let_go(self) -> None:
        """Of every connection."""
        async with asyncio.timeout(60):
            while self.server.server_state.connections:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.02)


@asynccontextmanager
async def gateway(
    page: Path | None = None,
    *,
    calls_per_minute: int = 1000,
    settings: OrchestratorSettings | None = None,
) -> AsyncIterator[Served]:
    settings = settings or settings_with(calls_per_minute=calls_per_minute)
    app = create_app(settings, page_folder=page)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(serving(app))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        port = int(listener.getsockname()[1])
        async with asyncio.timeout(30), httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/liveness")).status_code == 200
        try:
            yield Served(server, port)
        finally:
            server.should_exit = True
            await running


async def sent(port: int, data: bytes) -> bytes:
    return await answered(port, data, within_s=60.0)


@pytest.mark.parametrize("half", [HALF, NO_BODY, b""])
async def test_half_requests_beyond_number_keep_nobody_from_a_call(half: bytes) -> None:
    async with gateway() as served:
        held = []
        for _ in range(MAX_CONNECTIONS + 100):
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(half)
            held.append(writer)
        try:
            async with httpx.AsyncClient() as client:
                for _ in range(3):
                    answer = await client.post(
                        f"http://127.0.0.1:{served.port}/api/token", timeout=30
                    )
                    assert answer.status_code == 201
            assert len(served.server.server_state.connections) <= MAX_CONNECTIONS
        finally:
            for writer in held:
                writer.close()


@pytest.mark.parametrize("half", [HALF, NO_BODY, b""])
async def test_a_request_that_does_not_come_is_not_waited_for(
    half: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_WITHIN_S", 0.1)
    async with gateway() as served:
        assert await sent(served.port, half) == b""


async def test_an_answer_that_nobody_reads_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(connections, "TAKEN_WITHIN_S", 0.1)
    (tmp_path / "index.html").write_text("x" * 50_000_000)
    async with gateway(tmp_path) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await reader.readexactly(1)
            await served.has_let_go()
        finally:
            writer.close()


async def test_the_server_itself_believes_no_forwarded_address() -> None:
    async with gateway(calls_per_minute=1) as served, httpx.AsyncClient() as client:
        answers = [
            await client.post(
                f"http://127.0.0.1:{served.port}/api/token",
                headers={"X-Forwarded-For": f"10.0.0.{n}"},
            )
            for n in range(3)
        ]
    assert [answer.status_code for answer in answers] == [201, 429, 429]


async def test_nonsense_gets_an_answer_and_hardly_a_line_of_log(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("built")
    upgrade = b"Host: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    nonsense = [
        (b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03\r\n\r\n", b" 400 "),
        (b"GET / HTTX/1.1\r\n\r\n", b" 400 "),
        (b"GET /a b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b" 400 "),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 40_000, b" 400 "),
        (b"GET /%00 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", b" 404 "),
        (
            b"GET /%ff/" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b" 404 ",
        ),
        (
            b"GET /liveness HTTP/1.1\r\n" + upgrade.replace(b"Upgrade\r", b"Upgrade, close\r"),
            b" 400 ",  # a WebSocket without its key
        ),
        (
            b"POST /api/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"",
        ),
    ]
    with caplog.at_level(logging.WARNING):
        async with gateway(tmp_path) as served:
            for data, status in nonsense * 10:
                answer = await sent(served.port, data)
                assert status in answer.partition(b"\r\n")[0]
    assert not [one for one in caplog.records if one.exc_info]
    warnings = [one.getMessage() for one in caplog.records if one.name == "uvicorn.error"]
    assert len(warnings) == len(set(warnings)) <= 3


def test_the_same_warning_comes_once_a_minute() -> None:
    clock = TurnedClock()
    fewer = FewerWarnings(clock=clock)

    def told(message: str, level: int = logging.WARNING) -> bool:
        return fewer.filter(logging.LogRecord("uvicorn.error", level, "", 0, message, (), None))

    assert [told("a"), told("a"), told("b"), told("b")] == [True, False, True, False]
    assert told("a", logging.ERROR)
    assert told("a", logging.ERROR)
    clock.now_s += connections.SAME_WARNING_EVERY_S
    assert told("a")
