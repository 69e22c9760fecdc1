"""Tells the clients in the room what audio and transcripts do not: events as data packets."""

import asyncio
import logging
from collections.abc import Callable

from livekit import rtc

from parley.clock import Clock, monotonic
from parley.room_events import (
    TOPIC,
    AnyEvent,
    ErrorEvent,
    RecoveredEvent,
    ToolEvent,
    ToolStartedEvent,
    encode,
)

REPEAT_AFTER_S = 10.0
"""An error of the same code is rate-limited."""

_log = logging.getLogger(__name__)


class RoomEventPublisher:
    """Sends room events in the background; `aclose` waits for those under way."""

    def __init__(
        self, room: rtc.Room, *, shows_tool_details: bool = True, clock: Clock = monotonic
    ) -> None:
        """`shows_tool_details`: clients are told arguments and results of tool calls, which are
        the application's own."""
        self._shows_tool_details = shows_tool_details
        self._room = room
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self.also: Callable[[AnyEvent], None] = lambda event: None
        """Is told the same, with all details."""
        self._sending: set[asyncio.Task[None]] = set()

    def send(self, event: AnyEvent) -> None:
        self.also(event)
        if not self._shows_tool_details:
            event = _without_details(event)
        task = asyncio.create_task(self._send(event), name="room-event")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def error(self, code: str, message: str) -> bool:
        """Tells of an error; False when it is rate-limited."""
        now = self._clock()
        if now - self._told_at.get(code, -REPEAT_AFTER_S) < REPEAT_AFTER_S:
            return False
        self._told_at[code] = now
        self.send(ErrorEvent(code=code, message=message))
        return True

    def recovered(self, code: str) -> None:
        """What `error` told of by this code is over: it is told at once when it comes again."""
        if self._told_at.pop(code, None) is not None:
            self.send(RecoveredEvent(code=code))

    async def aclose(self) -> None:
        await asyncio.gather(*self._sending)

    async def _send(self, event: AnyEvent) -> None:
        if not self._room.isconnected():
            return
        try:
            payload = encode(event)
            await self._room.local_participant.publish_data(payload, reliable=True, topic=TOPIC)
        except rtc.participant.PublishDataError as error:
            _log.warning("a room event could not be sent: %s", error)


def _without_details(event: AnyEvent) -> AnyEvent:
    """Of tools their names alone."""
    match event:
        case ToolStartedEvent():
            return event.model_copy(update={"arguments": {}})
        case ToolEvent():
            return event.model_copy(update={"arguments": {}, "result": ""})
    return event
