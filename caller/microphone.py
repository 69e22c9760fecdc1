"""The caller's microphone: recordings spoken in real time, silence before, between and after."""

import asyncio

import numpy as np
from livekit import rtc

from caller.sample_clock import SampleClock
from parley.audio import Audio, Samples
from parley.clock import Clock, monotonic

SAMPLE_RATE_HZ = 48_000
"""Opus works at this rate; recordings are resampled once, by us, and not again in the room."""

FRAME_SAMPLES = 960  # 20 ms
QUEUE_MS = 100
"""A stall of the event loop as long as this is not heard."""


class Utterance:
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


class Microphone:
    """Feeds an rtc.AudioSource for as long as `run` does, so that its track is never dead.

    The native source takes 10 ms from its queue at each tick of its own thread, and a push returns
    at the tick that brings the queue back to QUEUE_MS (or at once, while there is less). So by the
    time a push returns, the sample QUEUE_MS before the end of what was pushed was due: that is
    what `time_of` rests on. A sample counts as spoken at the tick that follows the one that took
    its predecessors: a real microphone would have heard it then, and handed it over 10 ms later.
    """

    def __init__(self, *, clock: Clock = monotonic) -> None:
        self.source = rtc.AudioSource(SAMPLE_RATE_HZ, 1, queue_size_ms=QUEUE_MS)
        self._clock = clock
        self._ticks = SampleClock(SAMPLE_RATE_HZ)
        self._pushed_samples = 0
        self._utterance: Utterance | None = None
        self._stopped = False
        self.frame_passed = asyncio.Event()
        """Set with every frame, 50 times a second: the heartbeat of who waits for sound."""

    async def run(self) -> None:
        """Pushes frame after frame until `stop`."""
        while not self._stopped:
            frame = self._next_frame()
            await self.source.capture_frame(
                rtc.AudioFrame(frame.tobytes(), SAMPLE_RATE_HZ, 1, FRAME_SAMPLES)
            )
            self._pushed_samples += FRAME_SAMPLES
            due = self._pushed_samples - QUEUE_MS * SAMPLE_RATE_HZ // 1000
            if due >= 0:
                self._ticks.observe(due, self._clock())
            self.frame_passed.set()

    def speak(self, recording: Audio) -> Utterance:
        """Begins to speak the recording with the next frame; one recording at a time."""
        if self._utterance is not None and not self._utterance.pushed:
            raise RuntimeError("the microphone is speaking already")
        self._utterance = Utterance(recording.resampled(SAMPLE_RATE_HZ).samples)
        return self._utterance

    def time_of(self, sample: int) -> float:
        """When the sample was spoken, in seconds of the clock."""
        return self._ticks.time_of(sample)

    def stop(self) -> None:
        """Has `run` return once its frame in flight is through; a push must not be cancelled, the
        native side would answer into nothing."""
        self._stopped = True

    def _next_frame(self) -> Samples:
        frame = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        utterance = self._utterance
        if utterance is not None and not utterance.pushed:
            if utterance.first_sample is None:
                utterance.first_sample = self._pushed_samples
            part = utterance.take(FRAME_SAMPLES)
            frame[: len(part)] = part
        return frame
