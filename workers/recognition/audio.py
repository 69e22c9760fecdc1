"""What a client sends as sound, at the rate and in the form that is decoded."""

import numpy as np
import soxr

from workers.engines.asr_engine import SAMPLE_RATE_HZ, FloatSamples
from workers.serving.errors import invalid_argument

LARGEST_MESSAGE_BYTES = 1 << 20
"""Some ten seconds at 48 kHz."""


class SpeakerSound:
    """One speaker's PCM, message by message; belongs to one call."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._resampler = (
            None
            if sample_rate_hz == SAMPLE_RATE_HZ
            else soxr.ResampleStream(sample_rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")
        )

    def take(self, pcm_s16le: bytes) -> FloatSamples:
        """The samples at 16 kHz that are complete by now; raises INVALID_ARGUMENT."""
        if len(pcm_s16le) % 2:
            raise invalid_argument(
                "audio.pcm_s16le", f"{len(pcm_s16le)} bytes are no whole number of 16-bit samples"
            )
        if len(pcm_s16le) > LARGEST_MESSAGE_BYTES:
            raise invalid_argument(
                "audio.pcm_s16le",
                f"has {len(pcm_s16le):,} bytes, a message holds at most "
                f"{LARGEST_MESSAGE_BYTES:,}; send the sound in pieces",
            )
        samples = np.frombuffer(pcm_s16le, "<i2").astype(np.float32)
        return self._resampled(samples * np.float32(1 / 32768))

    def rest(self) -> FloatSamples:
        """What the resampler still holds at the end of the sound."""
        return self._resampled(np.empty(0, np.float32), last=True)

    def _resampled(self, samples: FloatSamples, *, last: bool = False) -> FloatSamples:
        if self._resampler is None:
            return samples
        resampled: FloatSamples = self._resampler.resample_chunk(samples, last)
        return resampled
