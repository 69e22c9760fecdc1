"""The samples of the agent's voice that have sounded, for comparing the microphone with them."""

from collections import deque

import numpy as np
import soxr

from parley.audio import Samples

RATE_HZ = 16_000
"""Of what is given out: the microphone's."""
RESAMPLER_S = 0.1
"""After so much silence the resampler holds nothing of what sounded before."""


class Sounded:
    """The audio handed to the loudspeaker, by the time at which it sounds; silence between.

    Times are seconds of one clock. What sounds later than now may still be taken back.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._frames: deque[tuple[float, Samples]] = deque()
        self._position: int | None = None
        """Of the next sample to give out, counted from the clock's zero."""
        self._silent_s = RESAMPLER_S
        self._resampler = self._new_resampler()

    def add(self, start_s: float, samples: Samples) -> None:
        """These samples sound from `start_s` on, after all that were added before."""
        self._frames.append((start_s, samples))

    def take_back(self, from_s: float) -> None:
        """What would have sounded from then on does not."""
        while self._frames and self._frames[-1][0] >= from_s:
            self._frames.pop()
        if self._frames:
            start_s, samples = self._frames[-1]
            self._frames[-1] = start_s, samples[: round((from_s - start_s) * self._rate_hz)]

    def take(self, now_s: float) -> Samples:
        """What has sounded since it was last asked, at RATE_HZ; the first time nothing."""
        end = round(now_s * self._rate_hz)
        start = self._position if self._position is not None else end
        self._position = max(start, end)
        sound = np.zeros(max(0, end - start), np.int16)
        while self._frames:
            first = round(self._frames[0][0] * self._rate_hz)
            samples = self._frames[0][1]
            if first >= end:
                break
            low, high = max(first, start), min(first + len(samples), end)
            if low < high:
                sound[low - start : high - start] = samples[low - first : high - first]
            if first + len(samples) > end:
                break
            self._frames.popleft()
        return self._resampled(sound)

    def _resampled(self, sound: Samples) -> Samples:
        seconds = len(sound) / self._rate_hz
        self._silent_s = 0.0 if sound.any() else self._silent_s + seconds
        if self._silent_s > RESAMPLER_S:  # mostly the agent is silent, and this costs nothing
            self._resampler = self._new_resampler()
            return np.zeros(round(seconds * RATE_HZ), np.int16)
        return np.asarray(self._resampler.resample_chunk(sound), np.int16)

    def _new_resampler(self) -> soxr.ResampleStream:
        return soxr.ResampleStream(self._rate_hz, RATE_HZ, 1, dtype="int16", quality="LQ")
