"""The agent's transcript on the page: each word as it is heard, and none that is not.

Written as LiveKit's transcription text streams: a stream per reply, which any client of the
framework understands.
"""

import asyncio
import logging
import uuid

from livekit import rtc
from livekit.agents.types import (
    ATTRIBUTE_TRANSCRIPTION_FINAL,
    ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID,
    ATTRIBUTE_TRANSCRIPTION_TRACK_ID,
    TOPIC_TRANSCRIPTION,
)

_log = logging.getLogger(__name__)


class HeardTranscript:
    """Sends pieces in the background, in order; `aclose` drops what has not been sent.

    Who joins or comes back in the middle of a reply reads on from there: nobody is given the
    rest of a stream whose beginning they have not got, and so another one begins.
    """

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self.track_id = ""
        self._again = 0
        """Characters that are shown already and will be heard again."""
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()
        """A piece, or None where a stream ends."""
        self._is_away = False
        """The room was lost, and nobody has come back into it so far."""
        self._kept = ""
        """What has sounded meanwhile."""
        room.on("reconnecting", self._room_lost)
        room.on("reconnected", self._another_stream)
        room.on("participant_connected", self._another_stream)
        self._sending = asyncio.create_task(self._send(), name="heard-transcript")

    def heard(self, piece: str) -> None:
        """The next piece of the reply has sounded."""
        again = min(self._again, len(piece))
        self._again -= again
        piece = piece[again:]
        if self._is_away:
            self._kept += piece
        elif piece:
            self._pieces.put_nowait(piece)

    def unheard(self, piece: str) -> None:
        """The last that was told has reached nobody, and is told again when it does."""
        unsent = min(len(piece), len(self._kept))
        self._kept = self._kept[: len(self._kept) - unsent]
        self._again += len(piece) - unsent

    def ended(self) -> None:
        """The reply is over, or was cut."""
        self._again = 0
        self._send_kept()
        self._pieces.put_nowait(None)

    async def aclose(self) -> None:
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    def _room_lost(self) -> None:
        self._is_away = True

    def _another_stream(self, *_: object) -> None:
        """The room is there again, or somebody has come into it."""
        self._is_away = self._is_away and not self._room.remote_participants
        self._pieces.put_nowait(None)
        if not self._is_away:
            self._send_kept()

    def _send_kept(self) -> None:
        if self._kept:
            self._pieces.put_nowait(self._kept)
            self._kept = ""

    async def _send(self) -> None:
        while True:
            piece = await self._pieces.get()
            if piece is not None:
                try:
                    await self._send_reply(piece)
                except ConnectionError as error:
                    _log.warning("a transcript could not be sent: %s", error)

    async def _send_reply(self, piece: str | None) -> None:
        attributes = {
            ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID: uuid.uuid4().hex,
            ATTRIBUTE_TRANSCRIPTION_TRACK_ID: self.track_id,
        }
        writer = await self._room.local_participant.stream_text(
            topic=TOPIC_TRANSCRIPTION,
            attributes={**attributes, ATTRIBUTE_TRANSCRIPTION_FINAL: "false"},
        )
        try:
            while piece is not None:
                if piece:
                    await writer.write(piece)
                piece = await self._pieces.get()
        finally:
            await writer.aclose(attributes={**attributes, ATTRIBUTE_TRANSCRIPTION_FINAL: "true"})
