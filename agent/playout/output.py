"""What the person hears of a reply: paced into the track, silenced at once, resumed to the sample.

The framework's own output cannot stop within 50 ms and resume without loss. Here whatever the
native queue has not played can be taken back, and every cut is a ramp.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import numpy as np
import numpy.typing as npt
from livekit import rtc
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.agents.voice import io

from agent.playout.pacing import AHEAD_S, USERDATA_PACE
from agent.playout.positions import KEPT_S, Positions
from agent.playout.prebuffer import Prebuffer, cpu_pressure
from agent.playout.reply_audio import ReplyAudio
from agent.playout.sounded import Sounded
from parley.audio import Samples
from parley.clock import Clock, monotonic
from parley.telemetry import agent as metrics

FRAME_S = 0.04
QUEUED_S = 0.3
"""Audio in the native queue: what a busy machine may stall without a gap at the listener."""
NATIVE_TICK_S = 0.01
"""What the native source takes at a time: with less than that missing nothing is heard, and what is
over waits in its queue for the next that comes."""
RAMP_S = 0.003
"""Length of every change of loudness, so that none is a click."""
DUCKED_GAIN = 0.2
"""14 dB down: the person notices that the agent noticed, and can still follow it."""
LATELY_S = 8.0
"""How long ago words may have sounded of which an echo is recognized now."""

Gain = npt.NDArray[np.float32]


class Source(Protocol):
    """The native end of the track, as `rtc.AudioSource` has it."""

    async def capture_frame(self, frame: rtc.AudioFrame) -> None: ...

    def clear_queue(self) -> None: ...


class Playout(io.AudioOutput):
    """Plays replies into `source` at `sample_rate_hz`; start it with `start`, end with `aclose`.

    `duck` and `unduck` turn the reply down and up again, `hold` silences it and keeps its rest
    for `release`, `clear_buffer` ends it where it is. All of them act on what the native queue
    has not played yet: the person hears them within a few milliseconds.
    """

    def __init__(
        self,
        source: Source,
        *,
        sample_rate_hz: int,
        on_heard: Callable[[str], None] = lambda text: None,
        on_unheard: Callable[[str], None] = lambda text: None,
        pressure: Callable[[], float] = cpu_pressure,
        clock: Clock = monotonic,
    ) -> None:
        """`on_heard` is told each piece of the transcript when it has sounded; `on_unheard` of
        those that it was told last and that, as turns out, nobody can have heard."""
        super().__init__(
            label="Playout",
            # Barge-in pauses and resumes; the framework, told that it can, would do it too. It
            # asks for it all the same, when it begins to forward a reply: that changes nothing.
            capabilities=io.AudioOutputCapabilities(pause=False),
            sample_rate=sample_rate_hz,
        )
        self._source = source
        self._rate_hz = sample_rate_hz
        self._on_heard = on_heard
        self._on_unheard = on_unheard
        self._pressure = pressure
        self._clock = clock
        self._reply: ReplyAudio | None = None
        self._told = 0
        self.may_end: Callable[[], bool] = lambda: True
        """Whether a reply that has been played is known to have been heard."""
        self._holds: set[str] = set()
        """Who wants silence now."""
        self._cut = False
        """The reply was ended from outside: what still comes of it is dropped until its flush."""
        self._gain = self._target_gain = 1.0
        self.sounded = Sounded(sample_rate_hz)
        self._positions = Positions(sample_rate_hz)
        self._lately: deque[tuple[float, str]] = deque()
        """Pieces of the transcript, and when each had sounded."""
        self._lead = Prebuffer()
        self._dry_at = 0.0
        """When the native queue will have played what was handed to it."""
        self._lacks_text = False
        """The queue ran dry where the text did."""
        self._started = False
        self._flowing = False
        """The next sample belongs right after the last one: silence between them is a gap."""
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._handing = asyncio.Lock()
        self._padding = 0  # silence at the end of what was handed over
        self._ramp_down: asyncio.Task[float] | None = None
        """Ends what sounds; its result is when that has ended."""
        self.silencing: asyncio.Task[float] | None = None  # by a hold; None: nothing sounded
        self._pump: asyncio.Task[None] | None = None

    # --- what the framework asks for

    def start(self) -> None:
        self._pump = asyncio.create_task(self._play(), name="playout")

    async def aclose(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        if self._ramp_down is not None:  # the track may be gone, and nobody left to tell
            await asyncio.gather(self._ramp_down, return_exceptions=True)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Takes audio of the reply; waits while more than `AHEAD_S` is still to be played."""
        if self._cut:
            return
        if self._reply is not None and self._reply.ended:
            await self.wait_for_playout()
        await super().capture_frame(frame)
        pace = frame.userdata.get(USERDATA_PACE)
        reply = self._reply = self._reply or ReplyAudio(self._rate_hz, KEPT_S, pace)
        reply.add_transcript(frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, []))
        if self._flowing and not self._lacks_text:
            self._lead.more_came(reply.ahead_s + self._dry_at - self._clock())
        reply.append(np.frombuffer(frame.data, dtype=np.int16).copy())
        self._changed.set()
        while self._reply is reply and reply.ahead_s > AHEAD_S:
            self._room.clear()
            await self._room.wait()

    def flush(self) -> None:
        super().flush()
        self._cut = False
        if self._reply is not None:
            self._reply.ended = True
            self._changed.set()

    def clear_buffer(self) -> None:
        """Silences the reply and ends it; `playback_finished` tells what was heard of it."""
        if self._reply is None:
            return
        self._cut = not self._reply.ended
        self._silence(self._reply)
        self._finish(self._reply, interrupted=True)

    # --- what the floor's owner asks for

    def hold(self, by: str) -> None:
        """Silences the reply and keeps its place, until `by` and all others have released it; a
        reply that has not begun does not begin."""
        was_held = bool(self._holds)
        self._holds.add(by)
        if was_held:
            return
        self.silencing = self._silence(self._reply) if self._reply is not None else None

    def hold_since(self, by: str, time_s: float) -> None:
        """The same, and goes back to where the reply was at `time_s` of the clock: what has been
        played since then has reached nobody. It goes back no further than KEPT_S."""
        self.hold(by)
        position = self._positions.at(time_s)
        if self._reply is None or position is None or position >= self._reply.position:
            return
        self._reply.position = position
        told = self._reply.heard.count_until(self.played_s)
        if told < self._told:
            self._on_unheard(self._reply.heard.text(told, self._told))
            self._told = told

    def release(self, by: str) -> None:
        """The reply goes on where it was, if nobody else holds it; a hold that `by` has not taken
        is no error."""
        if by not in self._holds:
            return
        self._holds.discard(by)
        if not self._holds:
            self._gain = 0.0
            self._changed.set()

    def duck(self) -> None:
        """Turns the reply down, from the next sample on."""
        self._turn_to(DUCKED_GAIN)

    def unduck(self) -> None:
        """Turns the reply up to where it was."""
        self._turn_to(1.0)

    @property
    def played_s(self) -> float:
        """How much of the current reply has sounded; stands still in a pause."""
        position = self._reply.position if self._reply is not None else 0
        return max(0.0, position / self._rate_hz - self._queued_s())

    @property
    def made_s(self) -> float:
        """How much of the current reply has come."""
        return self._reply.length / self._rate_hz if self._reply is not None else 0.0

    @property
    def is_speaking(self) -> bool:
        """Whether there is a reply, held or not."""
        return self._reply is not None

    @property
    def audible(self) -> bool:
        """Whether the person hears the agent now."""
        return self._queued_s() > 0 and not self._holds

    @property
    def heard_text(self) -> str:
        """The transcript of the current reply as far as it has sounded."""
        return self._reply.heard.until(self.played_s) if self._reply is not None else ""

    @property
    def said_lately(self) -> str:
        """What has sounded in the last LATELY_S, of this reply and of those before."""
        while self._lately and self._lately[0][0] < self._clock() - LATELY_S:
            self._lately.popleft()
        return "".join(piece for _, piece in self._lately)

    def take_sounded(self) -> Samples:
        """What has sounded since it was last asked, 16 kHz mono, silence included."""
        return self.sounded.take(self._clock())

    async def _play(self) -> None:
        while True:
            self._changed.clear()
            reply = self._reply
            if reply is None or self._holds:
                await self._changed.wait()
            elif reply.position < reply.length and self._may_sound(reply):
                await self._hand_over(reply)
            elif reply.ended and self._queued_s() <= 0 and self.may_end():
                self._finish(reply, interrupted=False)
            else:
                self._tell(reply)
                if self._queued_s() <= 0:
                    self._lacks_text |= reply.lacks_text
                await self._wait(self._queued_s() or FRAME_S)

    def _may_sound(self, reply: ReplyAudio) -> bool:
        """Whether enough of it is there to begin, or to go on after a gap."""
        if reply.ended or reply.waits_for_text or reply.pace is None or self._queued_s() > 0:
            return True
        wanted_s = self._lead.wanted_s(pressure=self._pressure(), begun=self._started)
        return reply.ahead_s >= wanted_s

    async def _hand_over(self, reply: ReplyAudio) -> None:
        too_early_s = self._queued_s() - (QUEUED_S - FRAME_S)
        if too_early_s > 0.0005:
            await self._wait(too_early_s)
            return
        if not self._started:
            self._started = True
            self._source.clear_queue()  # less than a tick of the reply before may be left
            self.on_playback_started(created_at=time.time())
            if self._holds or self._reply is not reply:  # a handler paused or cancelled it
                return
        if self._queued_s() <= 0:
            self._count_gap()
            self._lead.reply_sounds(reply.ahead_s)
        self._flowing = True
        position = reply.position
        samples = reply.take(int(FRAME_S * self._rate_hz))
        gained = (samples * self._ramp(len(samples))).astype(np.int16)
        if reply.ended and reply.position == reply.length:
            gained = self._whole_ticks(gained)
        self._padding = len(gained) - len(samples)
        sounds_at_s = max(self._clock(), self._dry_at)
        self._dry_at = sounds_at_s + len(gained) / self._rate_hz
        self.sounded.add(sounds_at_s, gained)
        self._positions.add(sounds_at_s, position, len(samples))
        async with self._handing:
            await self._source.capture_frame(self._frame(gained))
            if self._holds or self._reply is not reply:  # silenced while the frame was handed over
                self._source.clear_queue()
        self._room.set()
        self._tell(reply)

    def _count_gap(self) -> None:
        if self._flowing and self._clock() - self._dry_at >= NATIVE_TICK_S:
            (metrics.reply_text_waits if self._lacks_text else metrics.playout_underruns).inc()
        self._lacks_text = False

    async def _wait(self, seconds: float) -> None:
        """Until `seconds` have passed or something changed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _take_back(self, reply: ReplyAudio) -> None:
        """Empties the native queue; what it had not played is to be played again."""
        if self._queued_s() > 0:  # else there is no more in it than a last ramp
            self._source.clear_queue()
        unplayed = max(0, round(self._queued_s() * self._rate_hz) - self._padding)
        reply.position = max(0, reply.position - unplayed)
        self._dry_at = self._clock()
        self.sounded.take_back(self._dry_at)
        self._positions.take_back(self._dry_at)
        self._flowing = False

    def _silence(self, reply: ReplyAudio) -> asyncio.Task[float] | None:
        """Ends what sounds with a last ramp, in place of a click; None where nothing sounds."""
        sounds = self._queued_s() > 0
        self._take_back(reply)
        start = reply.position
        samples = reply.take(int(RAMP_S * self._rate_hz))
        reply.position = start
        if not len(samples) or not sounds:
            return None
        gain = np.linspace(self._gain, 0.0, len(samples), dtype=np.float32)
        faded = (samples * gain).astype(np.int16)
        self.sounded.add(self._clock(), faded)
        self._ramp_down = asyncio.create_task(self._fade(faded), name="ramp-down")
        self._ramp_down.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._ramp_down

    async def _fade(self, samples: Samples) -> float:
        """When the last has sounded, at the latest: they wait for the source's next tick."""
        async with self._handing:
            await self._source.capture_frame(self._frame(self._whole_ticks(samples)))
        return self._clock() + NATIVE_TICK_S + len(samples) / self._rate_hz

    def _turn_to(self, gain: float) -> None:
        self._target_gain = gain
        if self._reply is not None and not self._holds and gain < self._gain:
            self._take_back(self._reply)
            self._changed.set()

    def _ramp(self, count: int) -> Gain:
        """The gain of the next samples: a ramp towards the target."""
        step = min(count, int(RAMP_S * self._rate_hz))
        gain = np.full(count, self._target_gain, dtype=np.float32)
        if self._gain != self._target_gain:
            gain[:step] = np.linspace(self._gain, self._target_gain, step, dtype=np.float32)
            self._gain = self._target_gain
        return gain

    def _tell(self, reply: ReplyAudio) -> None:
        if reply.pace is not None:
            reply.pace.played_until(self.played_s)
        count = reply.heard.count_until(self.played_s)
        if count > self._told:
            self._has_sounded(reply.heard.text(self._told, count))
            self._told = count

    def _has_sounded(self, piece: str) -> None:
        self._lately.append((self._clock(), piece))
        self._on_heard(piece)

    def _finish(self, reply: ReplyAudio, *, interrupted: bool) -> None:
        played_s = self.played_s
        self._tell(reply)
        heard = reply.heard.until(played_s) if interrupted else reply.heard.text(0)
        if not interrupted:
            self._has_sounded(reply.heard.text(self._told))
        self._reply, self._told, self._started, self._flowing = None, 0, False, False
        self._gain = self._target_gain = 1.0
        self._lacks_text = False
        self._lead.reply_ended()
        self._positions.clear()
        self._room.set()
        self.on_playback_finished(
            playback_position=played_s,
            interrupted=interrupted,
            synchronized_transcript=heard,
        )

    def _queued_s(self) -> float:
        """Audio the native queue has not played; nothing below half a millisecond, which no
        timer resolves."""
        queued_s = self._dry_at - self._clock()
        return queued_s if queued_s > 0.0005 else 0.0

    def _whole_ticks(self, samples: Samples) -> Samples:
        """With as much silence as the native source needs to take all of them."""
        return np.pad(samples, (0, -len(samples) % round(NATIVE_TICK_S * self._rate_hz)))

    def _frame(self, samples: Samples) -> rtc.AudioFrame:
        return rtc.AudioFrame(
            data=samples.tobytes(),
            sample_rate=self._rate_hz,
            num_channels=1,
            samples_per_channel=len(samples),
        )
