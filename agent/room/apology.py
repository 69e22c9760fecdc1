"""What the person hears when no worker can speak: recorded, so that it needs none.

The recording belongs to the language (`dialogue/text/languages`).
"""

from collections.abc import AsyncGenerator
from functools import cache

from livekit import rtc

from dialogue.text.languages.english import LANGUAGE as ENGLISH
from parley.audio import Audio, read_audio

TEXT = ENGLISH.phrases.cannot_speak
FRAME_S = 0.02


@cache
def _loaded(sample_rate_hz: int) -> Audio:
    file = ENGLISH.cannot_speak_recording
    assert file is not None
    return read_audio(file).resampled(sample_rate_hz)


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
