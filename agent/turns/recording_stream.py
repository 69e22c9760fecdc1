"""Sends a call's turn-taking recording to the caller that asked for it, while it is made."""

import asyncio
import logging

from livekit import rtc

from parley.room_events import TURN_RECORDING_TOPIC

BATCH_S = 0.2
KEPT_LINES = 5_000
"""Some minutes of lines; what comes on top of it while nothing can be sent is left out."""

_log = logging.getLogger(__name__)


class RecordingStream:
    """One text stream for the whole call. `start` it in the connected room, `aclose` it.

    It ends when the caller leaves: what is written into a room that is closing would be logged by
    the native client, speech and all.
    """

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._lines: list[str] = []
        self._ended = False
        self._sending: asyncio.Task[None] | None = None

    def write(self, line: str) -> None:
        """Takes one line; it is sent within a moment, or dropped once the caller has left."""
        if not self._ended and len(self._lines) < KEPT_LINES:
            self._lines.append(line + "\n")

    def start(self) -> None:
        self._room.on("participant_disconnected", self._on_left)
        self._sending = asyncio.create_task(self._send(), name="turn-recording")

    async def aclose(self) -> None:
        self._room.off("participant_disconnected", self._on_left)
        self._end()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    def _on_left(self, _: rtc.RemoteParticipant) -> None:
        self._end()
        if self._sending is not None:
            self._sending.cancel()

    def _end(self) -> None:
        self._ended = True
        self._lines.clear()

    async def _send(self) -> None:
        try:
            writer = await self._room.local_participant.stream_text(topic=TURN_RECORDING_TOPIC)
            while True:
                await asyncio.sleep(BATCH_S)
                lines, self._lines = self._lines, []
                if lines and self._room.isconnected():
                    await writer.write("".join(lines))
        except ConnectionError as error:
            _log.warning("the turn-taking recording could not be sent: %s", error)
        finally:
            self._end()
