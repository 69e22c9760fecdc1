"""The caller's microphone: recordings in real time, a quiet room before, between and after."""

import asyncio
import logging

import numpy as np
from livekit import rtc

from caller.loudspeaker import Loudspeaker
from caller.room_noise import room_noise
from caller.sample_track import SampleTrack
from parley.audio import Audio, Samples
from parley.background import ends_within
from parley.clock import Clock, monotonic

SAMPLE_RATE_HZ = 48_000
"""Opus works at this rate; recordings are resampled once, by us, and not again in the room."""

FRAME_MS = 20
QUEUE_MS = 100
"""A stall of the event loop as long as this is not heard."""
NATIVE_WITHIN_S = 5.0
"""What LiveKit's client does at once as a rule; its own thread can stand for good."""

_log = logging.getLogger(__name__)


class SpokenRecording:
    """A recording on its way through the microphone."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._taken = 0
        self.first_sample: int | None = None
        """Where it stands among the microphone's samples; None while it has not begun."""

    @property
    def pushed(self) -> bool:
        """Whether its last sample is in the microphone's queue."""
        return self._taken >= len(self._samples)

    def take(self, count: int) -> Samples:
        """Its next samples, at most `count`."""
        part = self._samples[self._taken : self._taken + count]
        self._taken += len(part)
        return part


class _Background:
    """A sound over and over; silence where there is none."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._place = 0

    def take(self, count: int) -> Samples:
        if not len(self._samples):
            return np.zeros(count, dtype=np.int16)
        places = (self._place + np.arange(count)) % len(self._samples)
        self._place += count
        return self._samples[places]


class Microphone:
    """Feeds an rtc.AudioSource for as long as `run` does, so that its track is never dead.

    The native source takes 10 ms from its queue at each tick of its own thread, and a push returns
    at the tick that brings the queue back to QUEUE_MS (or at once, while there is less). So by the
    time a push returns, the sample QUEUE_MS before the end of what was pushed was due: that is
    what `time_of` rests on. A sample counts as spoken at the tick that follows the one that took
    its predecessors: a real microphone would have heard it then, and handed it over 10 ms later.
    """

    def __init__(
        self, *, frame_ms: int = FRAME_MS, quiet_room: bool = True, clock: Clock = monotonic
    ) -> None:
        """`quiet_room`: a room's noise is beneath everything, as in any microphone; False: digital
        silence, kinder than any room, for tests that need every sample known."""
        self._frame_samples = frame_ms * SAMPLE_RATE_HZ // 1000
        self.source = rtc.AudioSource(SAMPLE_RATE_HZ, 1, queue_size_ms=QUEUE_MS)
        self._clock = clock
        self._track = SampleTrack(SAMPLE_RATE_HZ)
        room = room_noise(SAMPLE_RATE_HZ) if quiet_room else np.empty(0, dtype=np.int16)
        self._room = _Background(room)
        self._background = _Background(np.empty(0, dtype=np.int16))
        self._utterance: SpokenRecording | None = None
        self._stopped = False
        self.loudspeaker: Loudspeaker | None = None
        """What is heard from it is added to all that is spoken."""
        self.frame_passed = asyncio.Event()
        """Set with every frame: the heartbeat of who waits for sound."""

    async def run(self) -> None:
        """Pushes frame after frame until `stop`."""
        while not self._stopped:
            frame = self._next_frame()
            await self.source.capture_frame(
                rtc.AudioFrame(frame.tobytes(), SAMPLE_RATE_HZ, 1, self._frame_samples)
            )
            self._track.append(frame)
            due = self._track.length - QUEUE_MS * SAMPLE_RATE_HZ // 1000
            if due >= 0:
                self._track.observe(due, self._clock())
            self.frame_passed.set()

    def speak(self, recording: Audio) -> SpokenRecording:
        """Begins to speak the recording with the next frame; one recording at a time."""
        if self._utterance is not None and not self._utterance.pushed:
            raise RuntimeError("the microphone is speaking already")
        self._utterance = SpokenRecording(recording.resampled(SAMPLE_RATE_HZ).samples)
        return self._utterance

    def play_beneath(self, noise: Audio | None) -> None:
        """Plays a noise over and over beneath all that is spoken, from the next frame on; None
        ends it."""
        samples = noise.resampled(SAMPLE_RATE_HZ).samples if noise else np.empty(0, dtype=np.int16)
        self._background = _Background(samples)

    def time_of(self, sample: int) -> float:
        """When the sample was spoken, in seconds of the clock."""
        return self._track.time_of(sample)

    def between(self, start_s: float, end_s: float) -> Audio:
        """What was spoken from `start_s` to `end_s`: sample 0 stands at `start_s`."""
        return self._track.between(start_s, end_s)

    @property
    def starved_s(self) -> float:
        """For how long the source had nothing to send: this machine was too busy."""
        return self._track.gaps_s()

    def stop(self) -> None:
        """Has `run` return once its frame in flight is through; a push must not be cancelled, the
        native side would answer into nothing."""
        self._stopped = True

    async def aclose(self) -> None:
        """Frees the native source. That waits for the source's own thread, without a limit: so it
        is waited for in a thread, and a source that does not end is left behind."""
        close = self.source.aclose
        if not await ends_within(lambda: asyncio.run(close()), NATIVE_WITHIN_S, name="source"):
            _log.warning("LiveKit's audio source does not end: it is left behind")

    def _next_frame(self) -> Samples:
        room = self._room.take(self._frame_samples)
        frame = _mixed(room, self._background.take(self._frame_samples))
        utterance = self._utterance
        if utterance is not None and not utterance.pushed:
            if utterance.first_sample is None:
                utterance.first_sample = self._track.length
            part = utterance.take(self._frame_samples)
            frame[: len(part)] = _mixed(frame[: len(part)], part)
        if self.loudspeaker is not None:
            frame = _mixed(frame, self.loudspeaker.take(len(frame)))
        return frame


def _mixed(one: Samples, other: Samples) -> Samples:
    both = one.astype(np.int32) + other
    return np.asarray(np.clip(both, -32768, 32767), np.int16)
