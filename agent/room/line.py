"""Whether sound passes between agent and person, told by the packets of the person's microphone.

LiveKit's client notices a frozen server never, and a person whose network is gone only when the
server says so, 5 to 12 s later: by then as much of a reply has been played to nobody. But the
sound of a track whose packets stop turns into zeros within 0.2 s, which microphones do not give;
then the packets are counted.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

import numpy as np
from livekit import rtc

from parley.clock import Clock, monotonic

ZEROS_S = 0.3
"""So long a run of zeros makes suspicious; a lost packet or two make a shorter one."""
LOOK_S = 0.25
NO_PACKET_S = 1.0
"""A microphone that is on sends one at least every 0.4 s, in silence too (Opus, DTX): two of them
in a row have been lost."""
DOUBTED_S = 0.6
"""Without a packet for so long, a reply does not end yet: its end may have to be said again."""
CONCEALED_S = 0.25
"""How long before its zeros a track had its last packet."""
GIVEN_UP_S = 30.0
"""A person who is away for longer is taken out of the room by LiveKit. If they are not, it is
their microphone that has died, and they are spoken to again."""

_OWNER = "line"
_log = logging.getLogger(__name__)


class HeldVoice(Protocol):
    """What plays the agent's reply."""

    @property
    def is_speaking(self) -> bool:
        """Whether there is a reply to be played."""
        ...

    def hold_since(self, by: str, time_s: float) -> None: ...

    def release(self, by: str) -> None: ...


class Line:
    """Of one call: holds the voice while nothing reaches the person, from where they lost it.

    `packets` counts those of the person's microphone so far; None where it is off or there is
    none, which tells nothing.
    """

    def __init__(
        self,
        voice: HeldVoice,
        packets: Callable[[], Awaitable[int | None]],
        *,
        clock: Clock = monotonic,
    ) -> None:
        self._voice = voice
        self._packets = packets
        self._clock = clock
        self._pushed_at_s = float("-inf")
        self._zeros_since_s: float | None = None
        self._looking: asyncio.Task[None] | None = None
        self._came_at_s = float("-inf")
        """When a packet was last seen to have come, by the look that is under way."""
        self._given_up = False
        """No packets come, and that tells nothing until some do."""
        self.is_lost = False

    def push(self, frame: rtc.AudioFrame) -> None:
        """The next sound of the person's track, zeros where nothing has come."""
        now_s = self._pushed_at_s = self._clock()
        if np.frombuffer(frame.data, np.int16).any():
            self._zeros_since_s, self._given_up = None, False
            self._back()
            return
        if self._zeros_since_s is None:
            self._zeros_since_s = now_s
        if self._given_up or not self._voice.is_speaking:
            return
        is_looking = self._looking is not None and not self._looking.done()
        if now_s - self._zeros_since_s >= ZEROS_S and not is_looking:
            self._looking = asyncio.create_task(self._look(), name="line")

    @property
    def is_doubtful(self) -> bool:
        """Whether it may turn out in a moment that the person has lost what is played."""
        if self._looking is None or self._looking.done() or self._given_up:
            return False
        return not self.is_lost and self._clock() - self._came_at_s > DOUBTED_S

    def person_acts(self) -> None:
        """Something else has come from the person: only their microphone is silent."""
        self._given_up = True
        self._back()

    def server_lost(self) -> None:
        """The room is away. Where a microphone is on, its packets tell better whether they come."""
        if self._clock() - self._pushed_at_s > ZEROS_S:
            self._lost(self._clock())

    def server_found(self) -> None:
        """The room is there again."""
        if self._looking is None or self._looking.done():
            self._back()

    async def aclose(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def _lost(self, since_s: float) -> None:
        if not self.is_lost:
            self.is_lost = True
            _log.warning("no sound passes between the person and the agent: the agent waits")
            self._voice.hold_since(_OWNER, since_s)

    def _back(self) -> None:
        if self.is_lost:
            self.is_lost = False
            _log.info("sound passes again")
            self._voice.release(_OWNER)

    async def _look(self) -> None:
        """Counts packets until sound comes, or there is nothing to hold."""
        self._came_at_s = float("-inf")
        before, looked_at_s = await self._packets(), self._clock()
        while before is not None and (self._voice.is_speaking or self.is_lost):
            await asyncio.sleep(LOOK_S)
            now, since_s = await self._packets(), self._zeros_since_s
            if now is None or since_s is None or self._given_up:
                break
            without_s = self._clock() - max(looked_at_s, self._came_at_s)
            if now > before:
                self._came_at_s = self._clock()
                self._back()
            elif without_s >= GIVEN_UP_S:
                self._given_up = True
                break
            elif without_s >= NO_PACKET_S:
                self._lost(since_s - CONCEALED_S)
            before = now
        self._back()


async def packets_of_people(room: rtc.Room) -> int | None:
    """Packets of all microphones in the room that are on; None where none is. None come while the
    room is away, or nobody has come back into it."""
    is_away = room.connection_state == rtc.ConnectionState.CONN_RECONNECTING
    if is_away or not room.remote_participants:
        return 0
    microphones = [
        publication
        for person in room.remote_participants.values()
        for publication in person.track_publications.values()
        if publication.kind == rtc.TrackKind.KIND_AUDIO and not publication.muted
    ]
    counts = [await _packets(each.track) for each in microphones]
    return sum(counts) if counts else None


async def _packets(track: rtc.Track | None) -> int:
    if not isinstance(track, rtc.RemoteAudioTrack):  # not subscribed to yet
        return 0
    found = await track.get_stats()
    return sum(
        each.inbound_rtp.received.packets_received
        for each in found
        if each.WhichOneof("stats") == "inbound_rtp"
    )
