"""What an engine gives, as the PCM a client asked for: resampled, counted, skipped to an offset.

A segment is one spoken text with the pause before it. Its length at the answered rate follows
from its length at the voice's rate alone, so positions never depend on what was skipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soxr

from workers.engines.tts_engine import FloatSamples, SpokenAudio, SpokenEnd, SpokenWord

_RESAMPLER_REACH_SAMPLES = 1024
"""Voice samples before an offset that its sound still depends on."""


@dataclass(frozen=True)
class PcmChunk:
    """Signed 16-bit little-endian mono, the first sample at `sample_offset` of the utterance."""

    sample_offset: int
    pcm_s16le: bytes


class UtterancePcm:
    """Follows the texts of one utterance, one after the other."""

    def __init__(
        self, *, voice_rate_hz: int, answered_rate_hz: int, start_offset_samples: int
    ) -> None:
        self._voice_rate_hz = voice_rate_hz
        self._answered_rate_hz = answered_rate_hz
        self._start_offset = start_offset_samples
        self._segment_start = 0
        self._pause = 0
        self._fed = 0
        self._given = 0
        self._resampler: soxr.ResampleStream | None = None

    @property
    def position(self) -> int:
        """Where the last spoken text ended, at the answered rate."""
        return self._segment_start

    @property
    def from_sample(self) -> int:
        """The first sample of the next text that is needed, at the voice's rate."""
        skipped = (self._start_offset - self._segment_start) * self._voice_rate_hz
        skipped = skipped // self._answered_rate_hz - self._pause
        if self._voice_rate_hz != self._answered_rate_hz:
            skipped -= _RESAMPLER_REACH_SAMPLES
        return max(0, skipped)

    def span(self, word: SpokenWord) -> tuple[int, int]:
        """The word's samples in the utterance, at the answered rate."""
        start, end = (
            self._segment_start + self._answered(self._pause + sample)
            for sample in (word.start_sample, word.end_sample)
        )
        return start, end

    def audio(self, piece: SpokenAudio) -> Iterator[PcmChunk]:
        """The PCM that this sound completes; nothing while it lies before the start offset."""
        gap = self._pause + piece.start_sample - self._fed
        if gap:  # the pause, or what was skipped: the latter is not given
            yield from self._feed(np.zeros(gap, np.float32))
        yield from self._feed(piece.samples)

    def end(self, piece: SpokenEnd) -> Iterator[PcmChunk]:
        """The rest of the text's PCM; `position` is then where it ended."""
        if not piece.end_sample:  # nothing was said: the pause still stands before what comes
            return
        total = self._pause + piece.end_sample
        length = self._answered(total)
        rest = np.zeros(total - self._fed, np.float32)
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(rest, last=True)
        missing = length - self._given - len(rest)
        if missing > 0:
            rest = np.concatenate([rest, np.zeros(missing, np.float32)])
        yield from self._give(rest[: length - self._given])
        self._segment_start += length
        self._pause = piece.pause_samples
        self._fed = self._given = 0
        self._resampler = None

    def _answered(self, samples: int) -> int:
        return (samples * self._answered_rate_hz + self._voice_rate_hz // 2) // self._voice_rate_hz

    def _feed(self, samples: FloatSamples) -> Iterator[PcmChunk]:
        self._fed += len(samples)
        if self._voice_rate_hz != self._answered_rate_hz:
            if self._resampler is None:
                self._resampler = soxr.ResampleStream(
                    self._voice_rate_hz, self._answered_rate_hz, 1, dtype="float32"
                )
            samples = self._resampler.resample_chunk(samples)
        yield from self._give(samples)

    def _give(self, samples: FloatSamples) -> Iterator[PcmChunk]:
        offset = self._segment_start + self._given
        self._given += len(samples)
        skip = max(0, self._start_offset - offset)
        if skip < len(samples):
            yield PcmChunk(offset + skip, to_pcm(samples[skip:]))


def to_pcm(samples: FloatSamples) -> bytes:
    """±1 float as signed 16-bit little-endian."""
    scaled = np.rint(samples * np.float32(32767))
    pcm: bytes = np.clip(scaled, -32768, 32767).astype("<i2").tobytes()
    return pcm
