"""Connections of the public port: bounded in number, and no request may take long to arrive."""

import asyncio
import logging

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from parley.clock import Clock, monotonic

MAX_CONNECTIONS = 256
"""Under a limit of 1,024 descriptors there is room left for what a request needs."""
BACKLOG = 64
"""Connections that the event loop accepts in one go, before any can be turned away."""
REQUEST_WITHIN_S = 10.0
"""For a request to arrive whole, headers and body."""
KEEP_ALIVE_S = 5
MAX_HEAD_BYTES = 16_384
SAME_WARNING_EVERY_S = 60.0

_INCOMPLETE = (h11.IDLE, h11.SEND_BODY)


class BoundedHttp(H11Protocol):
    """uvicorn's protocol, which by itself waits for ever for what a client has not sent.

    With more than MAX_CONNECTIONS the one that has kept its request waiting longest goes: whoever
    asks properly is served while somebody else opens connections and says nothing.
    """

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._latest_request().transport.abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # nonsense behind a request that has its answer already
            self.transport.abort()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_time()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.transport.is_closing() or self.conn.their_state not in _INCOMPLETE:
            self._on_time()
        elif self._late is None:
            self._late = self.loop.call_later(REQUEST_WITHIN_S, self._give_up)

    def _on_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if self.conn.their_state in _INCOMPLETE:
            self.transport.abort()

    def _latest_request(self) -> "BoundedHttp":
        """The connection whose request has been awaited longest; this one, where none is."""
        waited = [
            (other._late.when(), id(other), other)
            for other in self.connections
            if isinstance(other, BoundedHttp) and other._late is not None
        ]
        return min(waited)[2] if waited else self


class FewerWarnings(logging.Filter):
    """Of uvicorn's warnings about what clients send, one of each kind in SAME_WARNING_EVERY_S."""

    def __init__(self, *, clock: Clock = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told_at_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        now_s = self._clock()
        told_at_s = self._told_at_s.get(record.msg)
        if told_at_s is not None and now_s - told_at_s < SAME_WARNING_EVERY_S:
            return False
        self._told_at_s[record.msg] = now_s
        return True
