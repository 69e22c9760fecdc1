"""The playout over LiveKit's own audio source, which takes whole ticks of 10 ms and no less."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from livekit import rtc

from agent.playout.output import NATIVE_TICK_S, RAMP_S, Playout

pytestmark = pytest.mark.realtime

RATE_HZ = 24_000
FIRST, SECOND = 8000, 3000
"""The levels of two replies."""
SETTLED_S = 0.3


class Track:
    """What a playout has put into a track, as a subscriber on this machine gets it."""

    def __init__(self) -> None:
        self.source = rtc.AudioSource(RATE_HZ, 1, queue_size_ms=600)
        self.playout = Playout(self.source, sample_rate_hz=RATE_HZ, pressure=lambda: 0.0)
        self._frames: list[np.ndarray] = []
        self._came = asyncio.Event()

    @property
    def heard(self) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.int16), *self._frames])

    async def listen(self, track: rtc.LocalAudioTrack) -> None:
        stream = rtc.AudioStream(track, sample_rate=RATE_HZ, num_channels=1, frame_size_ms=10)
        try:
            async for event in stream:
                self._frames.append(np.frombuffer(event.frame.data, np.int16).copy())
                self._came.set()
        finally:
            await stream.aclose()

    async def say(self, level: int, samples: int) -> None:
        data = np.full(samples, level, np.int16).tobytes()
        await self.playout.capture_frame(rtc.AudioFrame(data, RATE_HZ, 1, samples))

    async def sounds(self, level: int) -> None:
        """Until the reply of that level is heard."""
        await self._until(lambda: level in self.heard)

    async def falls_silent(self) -> None:
        """Until nothing has sounded for SETTLED_S."""
        await self._until(lambda: not self.heard[-round(SETTLED_S * RATE_HZ) :].any())

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._came.clear()
                await self._came.wait()


@asynccontextmanager
async def published() -> AsyncGenerator[Track]:
    played = Track()
    track = rtc.LocalAudioTrack.create_audio_track("voice", played.source)
    listening = asyncio.create_task(played.listen(track))
    played.playout.start()
    try:
        yield played
    finally:
        await played.playout.aclose()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await played.source.aclose()


@pytest.mark.parametrize("into_it_s", [0.1, 0.15, 0.213])
async def test_a_reply_that_is_cut_fades_and_leaves_nothing_to_the_next(into_it_s: float) -> None:
    async with published() as track:
        await track.say(FIRST, round(0.9 * RATE_HZ))
        await track.sounds(FIRST)
        await asyncio.sleep(into_it_s)
        track.playout.hold("floor")
        track.playout.clear_buffer()
        track.playout.release("floor")
        track.playout.flush()
        await track.falls_silent()
        cut = track.heard
        faded = cut[(np.abs(cut) > 0) & (np.abs(cut) < FIRST)]
        assert len(faded) == pytest.approx(RAMP_S * RATE_HZ, abs=3), "no ramp, or no whole one"
        assert (np.diff(faded) <= 0).all()
        await track.say(SECOND, round(0.1 * RATE_HZ))
        track.playout.flush()
        await track.sounds(SECOND)
        await track.falls_silent()
        after = track.heard[len(cut) :]
        assert (np.diff(after[after != 0]) >= 0).all(), "something of the first reply"
        assert after.max() == SECOND


@pytest.mark.parametrize("samples", [2300, 2401, 7127])
async def test_a_reply_is_heard_to_its_last_sample(samples: int) -> None:
    """Also where it is no multiple of a tick, and nothing follows it."""
    assert samples % round(NATIVE_TICK_S * RATE_HZ)
    async with published() as track:
        await track.say(FIRST, samples)
        track.playout.flush()
        await track.sounds(FIRST)
        await track.falls_silent()
        assert np.count_nonzero(track.heard) == samples
