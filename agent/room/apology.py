"""What the person hears when no worker can speak: recorded, so that it needs none.

The recording belongs to the language (`dialogue/text/languages`); one without a recording borrows
the English one, for that something is said matters more than how.
"""

from collections.abc import AsyncGenerator
from functools import cache
from pathlib import Path

from livekit import rtc

from dialogue.text.languages import Language
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from parley.audio import Audio, read_audio

FRAME_S = 0.02


@cache
def _loaded(own: Path | None, sample_rate_hz: int) -> Audio:
    file = own or ENGLISH.cannot_speak_recording
    assert file is not None
    return read_audio(file).resampled(sample_rate_hz)


async def recording(language: Language, sample_rate_hz: int) -> AsyncGenerator[rtc.AudioFrame]:
    """The recording as frames of 20 ms."""
    samples = _loaded(language.cannot_speak_recording, sample_rate_hz).samples
    length = int(FRAME_S * sample_rate_hz)
    for start in range(0, len(samples), length):
        frame = samples[start : start + length]
        yield rtc.AudioFrame(
            data=frame.tobytes(),
            sample_rate=sample_rate_hz,
            num_channels=1,
            samples_per_channel=len(frame),
        )
