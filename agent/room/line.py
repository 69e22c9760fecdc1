"""Whether sound passes between agent and person, told by the packets of the person's microphone.

LiveKit's client notices a frozen server never, and a person whose network is gone only when the
server says so, 5 to 12 s later: by then as much of a reply has been played to nobody. But the
sound of a track whose packets stop turns into zeros, which microphones do not give; then it is
asked when the last packet came. Zeros alone do not tell: they begin when the jitter buffer is
empty, which is 0.2 s later as a rule and seconds later after a cut, for what piled up at the
other end is in it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
DOUBTED_S = 0.43
"""Without a packet for so long, a reply does not end yet: its end may have to be said again."""
CONCEALED_S = 0.25
"""How long before its zeros a track had its last packet, where that is not known."""
LONGEST_BUFFERED_S = 5.0
"""WebRTC's jitter buffer has 200 packets of 20 ms at most: an older packet would be one of a
clock that has been set."""
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


@dataclass(frozen=True)
class PacketsSoFar:
    """What has come of the person's microphone."""

    count: int
    latest_s: float | None = None
    """How long ago the latest one came; None: that is not known."""


class Line:
    """Of one call: holds the voice while nothing reaches the person, from where they lost it.

    `packets` are those of the person's microphone; None where it is off or there is none, which
    tells nothing.
    """

    def __init__(
        self,
        voice: HeldVoice,
        packets: Callable[[], Awaitable[PacketsSoFar | None]],
        *,
        clock: Clock = monotonic,
    ) -> None:
        self._voice = voice
        self._packets = packets
        self._clock = clock
        self._pushed_at_s = float("-inf")
        self._zeros_since_s: float | None = None
        self._looking: asyncio.Task[None] | None = None
        self._came_at_s: float | None = None
        """When the last packet came, as far as the look that is under way knows."""
        self._without_s = 0.0
        """How long none had come when it was last asked for."""
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
        return not self.is_lost and (self._came_at_s is None or self._without_s > DOUBTED_S)

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
        """Asks for packets until sound comes, or there is nothing to hold."""
        self._came_at_s = None
        before, looked_at_s = await self._packets(), self._clock()
        if before is not None and (came_at_s := self._came(before)) is not None:
            self._came_at_s, self._without_s = came_at_s, looked_at_s - came_at_s
        while before is not None and (self._voice.is_speaking or self.is_lost):
            await asyncio.sleep(LOOK_S)
            now, zeros_since_s = await self._packets(), self._zeros_since_s
            if now is None or zeros_since_s is None or self._given_up:
                break
            if now.count > before.count:  # since the look before
                came_at_s, at_s = self._came(now), self._clock()
                self._came_at_s = max(came_at_s or at_s, at_s - LOOK_S)
                self._back()
            since_s = looked_at_s if self._came_at_s is None else self._came_at_s
            self._without_s = self._clock() - since_s
            if self._without_s >= GIVEN_UP_S:
                self._given_up = True
                break
            if self._without_s >= NO_PACKET_S:
                dated_s = zeros_since_s - CONCEALED_S
                self._lost(dated_s if self._came_at_s is None else self._came_at_s)
            before = now
        self._back()

    def _came(self, packets: PacketsSoFar) -> float | None:
        """When the latest one did; None where that is not known."""
        if packets.latest_s is None or packets.latest_s < 0 or self._zeros_since_s is None:
            return None
        came_at_s = self._clock() - packets.latest_s
        buffered_s = self._zeros_since_s - came_at_s
        return came_at_s if buffered_s <= LONGEST_BUFFERED_S else None


class Microphones:
    """Those of the people in a room."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._unix_time_ahead_s = time.time() - monotonic()
        """Of our clock. WebRTC dates packets by the one it had as the track came: a system clock
        that is set later, or stood while the machine slept, changes neither."""

    async def packets(self) -> PacketsSoFar | None:
        """Of all that are on; None where none is. None come while the room is away, or nobody has
        come back into it."""
        room = self._room
        is_away = room.connection_state == rtc.ConnectionState.CONN_RECONNECTING
        if is_away or not room.remote_participants:
            return PacketsSoFar(0)
        microphones = [
            publication
            for person in room.remote_participants.values()
            for publication in person.track_publications.values()
            if publication.kind == rtc.TrackKind.KIND_AUDIO and not publication.muted
        ]
        found = [each for one in microphones for each in await self._of(one.track)]
        if not microphones:
            return None
        known = (each.latest_s for each in found if each.latest_s is not None)
        return PacketsSoFar(sum(each.count for each in found), min(known, default=None))

    async def _of(self, track: rtc.Track | None) -> list[PacketsSoFar]:
        if not isinstance(track, rtc.RemoteAudioTrack):  # not subscribed to yet
            return []
        found = await track.get_stats()
        streams = [each.inbound_rtp for each in found if each.WhichOneof("stats") == "inbound_rtp"]
        return [
            PacketsSoFar(
                stream.received.packets_received,
                self._ago(stream.inbound.last_packet_received_timestamp),
            )
            for stream in streams
        ]

    def _ago(self, unix_time_ms: float) -> float | None:
        """In seconds; None: nothing has come (0)."""
        now_s = monotonic() + self._unix_time_ahead_s
        return now_s - unix_time_ms / 1000 if unix_time_ms else None
