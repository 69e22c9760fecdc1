"""Whatever comes to the gateway's port: an answer in one shape or none, no failure, no leak."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from parley.rpc.v1 import status_pb2
from testkit.raw_http import answered
from tests.fuzzing import (
    ServerLoop,
    fuzzed,
    json_bytes,
    junk_bytes,
    junk_json,
    junk_text,
    objects,
    server_loop,
)
from tests.gateway.conftest import API_SECRET, listening, settings_with
from tests.gateway.test_connections import Served, gateway

__all__ = ["fuzzed", "server_loop"]

WITHIN_S = 60.0
MESSAGES_A_CHAT = 25
"""Below the limit of a minute, so that each is read."""

METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW")
TYPES = (b"application/json", b"application/json; charset=utf-16", b"text/plain", b"", b"\xff")
HOSTS = (b"127.0.0.1", b"localhost:8080", b"", b"evil.example", b"[::1", b"a b", b"\xff\xfe")
ORIGINS = (b"null", b"https://evil.example", b"http://127.0.0.1", b"\xff")


@dataclass(frozen=True)
class Ask:
    """One request as bytes; `leaves`: the client goes without reading the answer."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    leaves: bool

    def raw(self) -> bytes:
        length = (b"content-length", str(len(self.body)).encode())
        lines = [b": ".join(pair) for pair in ((b"connection", b"close"), length, *self.headers)]
        start = b"%s %s HTTP/1.1" % (self.method.encode(), self.target)
        return b"\r\n".join([start, *lines, b"", self.body])


@asynccontextmanager
async def whole_gateway() -> AsyncIterator[Served]:
    voices = (("joe", status_pb2.VOICE_RESIDENCY_RESIDENT),)
    async with listening(*voices) as workers:
        limits = settings_with(workers=workers, calls_per_minute=1_000_000)
        async with gateway(settings=limits) as served:
            yield served


@pytest.fixture(scope="module")
def served(server_loop: ServerLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARLEY_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        with server_loop.serving(whole_gateway()) as running:
            yield running


def targets(served: Served) -> st.SearchStrategy[bytes]:
    """The addresses of all routes, with anything in their places, and others."""
    app = served.server.config.app
    assert isinstance(app, FastAPI)
    paths = sorted({route.path for route in app.routes if isinstance(route, APIRoute)})
    assert "/api/token" in paths and "/api/calls/{call_id}/audio" in paths

    def filled(path: str) -> st.SearchStrategy[str]:
        parts = [
            junk_text.map(lambda text: quote(text.encode("utf-8", "ignore"), safe=""))
            if part.startswith("{")
            else st.just(part)
            for part in path.split("/")
        ]
        return st.tuples(*parts).map("/".join)

    query = st.lists(st.tuples(st.sampled_from(["user_id", "before", "x", ""]), junk_text)).map(
        lambda pairs: "&".join(f"{name}={quote(value)}" for name, value in pairs)
    )
    known = st.sampled_from(paths).flatmap(filled)
    others = st.sampled_from(["/", "/..;/", "//", "/%2e%2e/x", "/index.html", "*"]) | (
        junk_text.map(lambda text: "/" + quote(text))
    )
    return st.tuples(known | others, query).map(lambda both: f"{both[0]}?{both[1]}".encode())


def requests(served: Served) -> st.SearchStrategy[Ask]:
    agent = objects(agent_name=st.sampled_from(["parley", "x"]), metadata=junk_text)
    wish = objects(
        room_name=junk_text,
        participant_identity=junk_text,
        participant_name=junk_text,
        participant_metadata=junk_text,
        participant_attributes=st.dictionaries(junk_text, junk_text, max_size=3),
        room_config=objects(agents=st.lists(agent, max_size=2)),
        voice=st.sampled_from(["joe", "amy", ""]),
        record=st.booleans(),
        app=junk_text,
        session=junk_text,
        key=junk_text,
    )
    headers = st.tuples(
        st.tuples(st.just(b"host"), st.sampled_from(HOSTS)),
        st.tuples(st.just(b"content-type"), st.sampled_from(TYPES)),
    ).flatmap(
        lambda usual: st.lists(
            st.tuples(st.just(b"origin"), st.sampled_from(ORIGINS))
            | st.tuples(st.just(b"x-forwarded-for"), junk_bytes.map(_on_one_line))
            | st.tuples(st.just(b"cookie"), junk_bytes.map(_on_one_line))
            | st.tuples(st.just(b"range"), st.sampled_from([b"bytes=9-1", b"bytes=-", b"x"]))
            | st.tuples(st.just(b"sec-fetch-site"), st.sampled_from([b"same-origin", b"cross"])),
            max_size=3,
        ).map(lambda more: (*usual, *more))
    )
    return st.builds(
        Ask,
        method=st.sampled_from(METHODS),
        target=targets(served),
        headers=headers,
        body=wish.map(json_bytes) | junk_json.map(json_bytes) | junk_bytes,
        leaves=st.booleans(),
    )


def _on_one_line(text: bytes) -> bytes:
    return text.replace(b"\r", b" ").replace(b"\n", b" ")


def check(answer: bytes, ask: Ask) -> None:
    """One shape, or nothing at all for what is no request."""
    if not answer:
        return
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    assert status < 500 or status == 503, (ask, answer)
    assert b"Traceback" not in answer and API_SECRET.encode() not in answer
    assert b"site-packages" not in answer
    if status >= 400 and body and b"application/json" in head:
        told = json.loads(body)["error"]
        assert set(told) == {"code", "message"} and told["message"], (ask, answer)


async def left(port: int, data: bytes) -> None:
    """Sends it and goes."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.close()


def is_well(server_loop: ServerLoop, served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """It answers the next one, nothing is left of the others, and no line of the log complains."""
    alive = b"GET /liveness HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
    assert b" 200 " in server_loop.run(answered(served.port, alive, within_s=WITHIN_S))
    server_loop.run(served.has_let_go())
    failed = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert failed == []


def test_fuzz_every_route_answers_in_one_shape(
    server_loop: ServerLoop,
    served: Served,
    fuzzed: settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for path in (b"/api/voices", b"/api/v1/sessions/x?user_id=ann"):  # what is opened once, stays
        ask = Ask("GET", path, ((b"host", b"localhost"),), b"", leaves=False)
        server_loop.run(answered(served.port, ask.raw(), within_s=WITHIN_S))
    tasks = server_loop.tasks()

    @fuzzed
    @given(requests(served))
    def attempt(ask: Ask) -> None:
        if ask.leaves:
            server_loop.run(left(served.port, ask.raw()))
        else:
            sent = answered(served.port, ask.raw(), within_s=WITHIN_S)
            check(server_loop.run(sent), ask)

    attempt()
    is_well(server_loop, served, caplog)
    server_loop.has_no_more_tasks_than(tasks)


def test_fuzz_what_is_no_request_disturbs_nobody(
    server_loop: ServerLoop,
    served: Served,
    fuzzed: settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    chunked = b"POST /api/token HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    beginning = st.sampled_from([b"", b"GET / HTTP/1.1\r\n", chunked])

    @fuzzed
    @given(beginning, junk_bytes)
    def attempt(start: bytes, rest: bytes) -> None:
        server_loop.run(left(served.port, start + rest))

    attempt()
    is_well(server_loop, served, caplog)


async def _said(port: int, frames: list[str | bytes]) -> list[str]:
    """The types of what came back for each; empty where the server has ended the chat."""
    kinds: list[str] = []
    address = f"ws://127.0.0.1:{port}/ws/chat?user_id=ann"
    async with connect(address, open_timeout=WITHIN_S) as chat:
        assert json.loads(await chat.recv())["type"] == "connected"
        try:
            for frame in frames:
                await chat.send(frame)
                kinds.append(str(json.loads(await chat.recv())["type"]))
        except ConnectionClosed:
            kinds.append("closed")
    return kinds


def test_fuzz_a_chat_says_of_each_message_what_is_wrong_with_it(
    server_loop: ServerLoop,
    served: Served,
    fuzzed: settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    media = objects(
        media_type=st.sampled_from(["image", "audio"]),
        s3_key=junk_text,
        content_type=junk_text,
        size_bytes=st.integers(),
    )
    message = objects(
        type=st.sampled_from(["messages", "ping", ""]), media=st.lists(media, max_size=2)
    )
    frame = message.map(json.dumps) | junk_text | st.binary(max_size=100)

    @settings(fuzzed, max_examples=max(4, fuzzed.max_examples // MESSAGES_A_CHAT))
    @given(st.lists(frame, min_size=1, max_size=MESSAGES_A_CHAT))
    def attempt(frames: list[str | bytes]) -> None:
        kinds = server_loop.run(_said(served.port, frames))
        assert set(kinds) == {"error"}, (frames, kinds)

    attempt()
    is_well(server_loop, served, caplog)
