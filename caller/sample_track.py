"""The samples of one real-time stream, kept with the times at which they passed."""

import numpy as np

from caller.sample_clock import SampleClock
from parley.audio import Audio, Samples

GAP_S = 0.02
"""Frames that stay later than this stand behind a gap, which is filled with silence."""


class SampleTrack:
    """Frames in order; `observe` says by when a sample had passed, as `SampleClock` has it."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.length = 0
        """Samples so far."""
        self._clock = SampleClock(sample_rate_hz)
        self._frames: list[Samples] = []
        self._starts: list[int] = []

    def append(self, frame: Samples) -> None:
        """Takes the next samples, int16 of shape [n]."""
        self._frames.append(frame)
        self._starts.append(self.length)
        self.length += len(frame)

    def observe(self, sample: int, at_s: float) -> None:
        self._clock.observe(sample, at_s)

    def time_of(self, sample: int) -> float:
        return self._clock.time_of(sample)

    def gaps_s(self) -> float:
        """Silence that had to be filled in so far: the stream starved for so long."""
        offsets_s = self._clock.offsets_s()
        return float(offsets_s[-1] - offsets_s[0]) if len(offsets_s) else 0.0

    def between(self, start_s: float, end_s: float) -> Audio:
        """What passed from `start_s` to `end_s`, silence where nothing did: sample 0 stands at
        `start_s`."""
        rate = self.sample_rate_hz
        passed = np.zeros(max(round((end_s - start_s) * rate), 0), dtype=np.int16)
        if not self._frames or not self._clock.observed:
            return Audio(passed, rate)
        offsets_s = self._clock.offsets_at(self._starts)
        place = round((offsets_s[0] - start_s) * rate)
        gaps_s = 0.0
        for frame, later_s in zip(self._frames, offsets_s - offsets_s[0], strict=True):
            if later_s - gaps_s >= GAP_S:
                place += round((later_s - gaps_s) * rate)
                gaps_s = later_s
            begin, end = max(place, 0), min(place + len(frame), len(passed))
            if begin < end:
                passed[begin:end] = frame[begin - place : end - place]
            place += len(frame)
        return Audio(passed, rate)
