"""The port of health and metrics: half requests hold nothing, nonsense gets one short answer."""

import asyncio
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest

from parley import small_http
from parley.small_http import MAX_CONNECTIONS, HttpReply, SmallHttpServer
from testkit.isolated_config import free_ports
from testkit.raw_http import answered


async def alive() -> HttpReply:
    return HttpReply(b'{"alive": true}')


async def broken() -> HttpReply:
    raise LookupError("gone")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    (port,) = free_ports(1)
    server = SmallHttpServer({"/liveness": alive, "/broken": broken})
    await server.start("127.0.0.1", port)
    try:
        yield port
    finally:
        await server.aclose()


async def sent(port: int, data: bytes) -> bytes:
    return await answered(port, data, within_s=30.0)


async def test_a_client_gets_what_it_asks_for(port: int) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.get(f"http://127.0.0.1:{port}/liveness?x=1") as answer:
                assert answer.status == 200
                assert answer.content_type == "application/json"
                assert await answer.json() == {"alive": True}
        async with session.head(f"http://127.0.0.1:{port}/liveness") as answer:
            assert (answer.status, await answer.read()) == (200, b"")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /liveness HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"405"),
        (b"GET /liveness\r\n\r\n", b"400"),
        (b"GET /liveness HTTP/2.0\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\xff\r\n\r\n", b"400"),
        (b"GET http://[/liveness HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET /broken HTTP/1.1\r\n\r\n", b"500"),
    ],
)
async def test_nonsense_gets_a_short_answer(port: int, request_: bytes, status: bytes) -> None:
    answer = await sent(port, request_)
    assert answer.startswith(b"HTTP/1.1 " + status) or (status == b"431" and not answer)


async def test_what_fails_each_time_is_logged_once(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        for _ in range(20):
            assert b" 500 " in await sent(port, b"GET /broken HTTP/1.1\r\n\r\n")
    assert len([one for one in caplog.records if one.levelno >= logging.ERROR]) == 1


async def test_a_request_that_does_not_come_is_not_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_http, "REQUEST_WITHIN_S", 0.05)
    assert await sent(port, b"GET /liveness HTTP/1.1\r\nHost: x\r\n") == b""


async def test_many_half_requests_keep_nobody_from_an_answer(port: int) -> None:
    held = []
    for _ in range(3 * MAX_CONNECTIONS):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /liveness HTTP/1.1\r\nHost: ")
        held.append(writer)
    try:
        for _ in range(5):
            answer = await sent(port, b"GET /liveness HTTP/1.1\r\n\r\n")
            assert answer.endswith(b'{"alive": true}')
    finally:
        for writer in held:
            writer.close()


async def test_an_answer_may_depend_on_what_is_accepted() -> None:
    async def told(accepted: str) -> HttpReply:
        return HttpReply(accepted.encode(), content_type="text/plain")

    (port,) = free_ports(1)
    server = SmallHttpServer({"/liveness": alive}, negotiated={"/metrics": told})
    await server.start("127.0.0.1", port)
    try:
        for head, answer in (
            (b"", b""),
            (b"ACCEPT:  text/plain;q=0.5, */* \r\n", b"text/plain;q=0.5, */*"),
        ):
            page = await sent(port, b"GET /metrics HTTP/1.1\r\n" + head + b"\r\n")
            assert page.partition(b"\r\n\r\n")[2] == answer
        assert b"200 OK" in await sent(port, b"GET /liveness HTTP/1.1\r\n\r\n")
    finally:
        await server.aclose()
