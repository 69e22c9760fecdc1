"""What the person hears when no worker can speak: recorded, so that it needs none.

`sounds/apology.flac` was spoken by the project's hibari voice (Apache-2.0).
"""

from collections.abc import AsyncGenerator
from functools import cache
from pathlib import Path

from livekit import rtc

from parley.audio import Audio, read_audio

TEXT = "I'm sorry, I can't speak right now. Please try again in a moment."
FRAME_S = 0.02


@cache
def _loaded(sample_rate_hz: int) -> Audio:
    return read_audio(Path(__file__).parent / "sounds" / "apology.flac").resampled(sample_rate_hz)


async def recording(sample_rate_hz: int) -> AsyncGenerator[rtc.AudioFrame]:
    """The recording as frames of 20 ms."""
    samples = _loaded(sample_rate_hz).samples
    length = int(FRAME_S * sample_rate_hz)
    for start in range(0, len(samples), length):
        frame = samples[start : start + length]
        yield rtc.AudioFrame(
            data=frame.tobytes(),
            sample_rate=sample_rate_hz,
            num_channels=1,
            samples_per_channel=len(frame),
        )
