"""HTTP connections to one service: a pool with limits, deadlines, and a circuit breaker."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

from parley.errors import ParleyError
from parley.telemetry.tracing import trace_headers

MOST_CONNECTIONS = 100
KEPT_ALIVE = 20
KEPT_ALIVE_S = 30.0
CONNECT_S = 2.0
LARGEST_ANSWER_BYTES = 4_000_000


class ServiceUnavailableError(ParleyError):
    """A service that cannot be reached, is late, or fails; the text has no address and no key.

    `retry_after_s`: when it said that it may be asked again.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CallGuard(Protocol):
    """A circuit breaker, as far as it is needed here (`dialogue.breakers`)."""

    def guard(self) -> AbstractAsyncContextManager[object]:
        """Around one call; entering raises a ParleyError where none is to be made."""
        ...


@dataclass(frozen=True)
class ConnectionStats:
    """Of one pool: its limits, what runs now, and what was since the process began.

    Requests that needed no connection of their own were sent over one that was kept alive.
    """

    max_connections: int
    max_keepalive: int
    in_use: int
    most_in_use: int
    connections_made: int
    requests: int
    failures: int


@dataclass(frozen=True)
class ServiceAnswer:
    """`body` as it came."""

    status: int
    content_type: str
    body: bytes


class ServicePool:
    """Asks one service; belongs to one event loop.

    `headers` go with every request, to `address` alone: redirects are not followed.
    """

    def __init__(
        self,
        name: str,
        address: str,
        *,
        timeout_s: float = 10.0,
        headers: Mapping[str, str] | None = None,
        breaker: CallGuard | None = None,
        max_connections: int = MOST_CONNECTIONS,
        kept_alive: int = KEPT_ALIVE,
    ) -> None:
        self.name = name
        self.address = address
        self._timeout_s = timeout_s
        self._breaker = breaker
        self._max_connections = max_connections
        self._kept_alive = kept_alive
        self._client = httpx2.AsyncClient(
            limits=httpx2.Limits(
                max_connections=max_connections,
                max_keepalive_connections=kept_alive,
                keepalive_expiry=KEPT_ALIVE_S,
            ),
            headers=dict(headers or {}),
            timeout=httpx2.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
            follow_redirects=False,
            trust_env=False,
        )
        self._requests = 0
        self._failures = 0
        self._in_use = 0
        self._most_in_use = 0
        self._connections_made = 0

    async def ask(
        self,
        method: str,
        url: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> ServiceAnswer:
        """What the service answers, whatever its status below 500; within `timeout_s` seconds.

        Raises ServiceUnavailableError, or what the breaker raises.
        """
        sent = {**trace_headers(), **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self._guarded(), self._counted():
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._asked(method, url, query, sent, body)
            except TimeoutError:
                raise ServiceUnavailableError(
                    f"{self.name} did not answer within {self._timeout_s:g} s"
                ) from None
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise ServiceUnavailableError(
                    f"{self.name} cannot be reached: {type(error).__name__}"
                ) from None

    @property
    def stats(self) -> ConnectionStats:
        return ConnectionStats(
            max_connections=self._max_connections,
            max_keepalive=self._kept_alive,
            in_use=self._in_use,
            most_in_use=self._most_in_use,
            connections_made=self._connections_made,
            requests=self._requests,
            failures=self._failures,
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _asked(
        self,
        method: str,
        url: str,
        query: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> ServiceAnswer:
        async with self._client.stream(
            method,
            url,
            params=tuple(query) or None,
            headers=dict(headers),
            content=body,
            extensions={"trace": self._trace},
        ) as response:
            if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
                raise ServiceUnavailableError(
                    f"{self.name} failed with status {response.status_code}",
                    retry_after_s=_retry_after_s(response.headers.get("Retry-After", "")),
                )
            received = bytearray()
            async for piece in response.aiter_bytes():
                received += piece
                if len(received) > LARGEST_ANSWER_BYTES:
                    raise ServiceUnavailableError(
                        f"{self.name} answered more than {LARGEST_ANSWER_BYTES // 1_000_000} MB"
                    )
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return ServiceAnswer(response.status_code, kind, bytes(received))

    async def _trace(self, event: str, _: Mapping[str, Any]) -> None:
        """Told by the client of each step of a request (its `trace` extension)."""
        if event == "connection.connect_tcp.complete":
            self._connections_made += 1

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[None]:
        if self._breaker is None:
            yield
            return
        async with self._breaker.guard():
            yield

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._requests += 1
        self._in_use += 1
        self._most_in_use = max(self._most_in_use, self._in_use)
        try:
            yield
        except ServiceUnavailableError:
            self._failures += 1
            raise
        finally:
            self._in_use -= 1


def _retry_after_s(text: str) -> float | None:
    """Of the header where it says seconds; a date is not worth the clock it needs."""
    return float(text) if text.isdigit() else None
