"""A small HTTP server for health and metrics: GET alone, and nothing that a client does holds it.

Half a request is dropped after REQUEST_WITHIN_S, and sooner where more than MAX_CONNECTIONS are
open: the oldest first, so that somebody who means it is served meanwhile.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from parley.clock import monotonic

MAX_CONNECTIONS = 64
MAX_HEAD_BYTES = 8_192
REQUEST_WITHIN_S = 5.0
"""For a whole request to arrive, and again for the answer to leave."""
COMPLAIN_EVERY_S = 60.0
"""What fails on every request is logged once in this time."""
JSON = "application/json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HttpReply:
    """What is answered: `body` in `content_type`."""

    body: bytes
    status: int = HTTPStatus.OK
    content_type: str = JSON


Route = Callable[[], Awaitable[HttpReply]]
NegotiatedRoute = Callable[[str], Awaitable[HttpReply]]
"""Gets what the request accepts, empty where it says nothing."""


class SmallHttpServer:
    """Answers GET (and HEAD) on the paths of `routes`; every answer closes its connection.

    `negotiated` are those whose answer depends on what is accepted.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        *,
        negotiated: Mapping[str, NegotiatedRoute] | None = None,
    ) -> None:
        self._routes = routes
        self._negotiated = negotiated or {}
        self._server: asyncio.Server | None = None
        self._reading: dict[asyncio.StreamWriter, None] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._complained_at_s: float | None = None

    async def start(self, host: str, port: int) -> None:
        """Raises OSError when the port cannot be bound."""
        self._server = await asyncio.start_server(
            self._connected, host, port, limit=MAX_HEAD_BYTES, backlog=MAX_CONNECTIONS
        )

    async def aclose(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        self._reading[writer] = None
        if len(self._serving) > MAX_CONNECTIONS:
            oldest = next(iter(self._reading))
            del self._reading[oldest]
            oldest.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_WITHIN_S):
                head = await reader.readuntil(b"\r\n\r\n")
            self._reading.pop(writer, None)
            reply, has_body = await self._reply(head)
            writer.write(_written(reply, has_body=has_body))
            async with asyncio.timeout(REQUEST_WITHIN_S):
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except asyncio.LimitOverrunError:
            writer.write(_written(_refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)))
            writer.close()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self._reading.pop(writer, None)
            writer.close()

    async def _reply(self, head: bytes) -> tuple[HttpReply, bool]:
        """And whether its body is wanted."""
        try:
            method, target, version = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
            path = urlsplit(target).path
        except ValueError:
            return _refusal(HTTPStatus.BAD_REQUEST), True
        if not version.startswith("HTTP/1."):
            return _refusal(HTTPStatus.BAD_REQUEST), True
        if path not in self._routes and path not in self._negotiated:
            return _refusal(HTTPStatus.NOT_FOUND), method != "HEAD"
        if method not in ("GET", "HEAD"):
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED), True
        try:
            return await self._answer(path, head), method == "GET"
        except Exception:  # whatever fails is the answer to this request, and to no other
            self._complain(path)
            return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR), True

    async def _answer(self, path: str, head: bytes) -> HttpReply:
        if (negotiated := self._negotiated.get(path)) is not None:
            return await negotiated(_accepted(head))
        return await self._routes[path]()

    def _complain(self, path: str) -> None:
        now_s = monotonic()
        if self._complained_at_s is None or now_s - self._complained_at_s >= COMPLAIN_EVERY_S:
            self._complained_at_s = now_s
            _log.exception("%s cannot be answered", path)


def _accepted(head: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"accept":
            return value.decode("latin-1").strip()
    return ""


def _refusal(status: HTTPStatus) -> HttpReply:
    return HttpReply(f"{status.phrase}\n".encode(), status, "text/plain; charset=utf-8")


def _written(reply: HttpReply, *, has_body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
        f"Content-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (reply.body if has_body else b"")
