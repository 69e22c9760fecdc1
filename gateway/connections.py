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
TAKEN_WITHIN_S = 20.0
"""For a client to take some of an answer that it does not read."""
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
    """Until then the request has to be there."""
    _stuck: asyncio.TimerHandle | None = None
    """Until then some of the answer has to be taken."""
    _is_handed_over = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._http_connections() > MAX_CONNECTIONS:
            self._most_patient().transport.abort()
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """From here on another protocol has the connection, which may be silent for hours."""
        self._is_handed_over = True
        super().handle_websocket_upgrade(event)

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # nonsense behind a request that has its answer already
            self.transport.abort()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = self.loop.call_later(TAKEN_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._stuck)
        self._stuck = None
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._late)
        _cancel(self._stuck)
        self._late = self._stuck = None
        super().connection_lost(exc)

    def _watch(self) -> None:
        is_over = self._is_handed_over or self.transport.is_closing()
        if is_over or self.conn.their_state not in _INCOMPLETE:
            _cancel(self._late)
            self._late = None
        elif self._late is None:
            self._late = self.loop.call_later(REQUEST_WITHIN_S, self._give_up)

    def _give_up(self) -> None:
        self._late = None
        if self.conn.their_state in _INCOMPLETE:
            self.transport.abort()

    def _http_connections(self) -> int:
        """Those that have become WebSockets are bounded by those who serve them."""
        if len(self.connections) <= MAX_CONNECTIONS:
            return len(self.connections)
        return sum(isinstance(other, BoundedHttp) for other in self.connections)

    def _most_patient(self) -> "BoundedHttp":
        """The connection whose client has been waited for longest; this one, where none has."""
        waited = [
            (timer.when(), id(other), other)
            for other in self.connections
            if isinstance(other, BoundedHttp) and not other.transport.is_closing()
            for timer in (other._late, other._stuck)
            if timer is not None
        ]
        return min(waited)[2] if waited else self


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


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
