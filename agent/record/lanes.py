"""The two sides of a call on one clock: where each sample belongs, whatever its way was like.

Both lanes begin at the same second of the clock and give out the same number of samples. What is
given out lies DELAY_S back: by then frames that came late have come, and what was taken back of the
agent's voice has been.
"""

from collections import deque

import numpy as np
import soxr

from agent.playout.sounded import Sounded
from parley.audio import Samples
from parley.records.lines import AUDIO_RATE_HZ

DELAY_S = 1.5
TOLERANCE_S = 0.012
"""Frames that come this much later than the ones before them belong right behind them."""
QUIET_PEAK = 200
"""Samples below are no speech: of them some may be left out."""
RESAMPLED_AHEAD_S = 0.1
"""The resampler gives out what it was given a moment ago."""


class PersonLane:
    """What came of the person's microphone, at AUDIO_RATE_HZ.

    Frames come in bursts where this process or the network was held up, never early: the one of the
    next DELAY_S that was on its way for the shortest time says where all of them belong.
    """

    def __init__(self, start_s: float) -> None:
        self._start_s = start_s
        self._pending: deque[tuple[int, Samples]] = deque()
        """Frames, and the place of their first sample if they came at once."""
        self._placed: list[Samples] = []
        self._next = 0
        """Place of the next sample after those that have been placed."""
        self._given = 0
        self._flows = False
        """The sample before it was the person's, and no silence of ours."""

    def push(self, came_s: float, samples: Samples) -> None:
        """A frame that has just come, at `came_s` of the clock."""
        first = round((came_s - self._start_s) * AUDIO_RATE_HZ) - len(samples)
        self._pending.append((first, samples))

    def take(self, until_s: float) -> Samples:
        """The samples from where the last `take` ended up to `until_s` of the clock."""
        end = round((until_s - self._start_s) * AUDIO_RATE_HZ)
        while self._next < end and self._pending and self._place(end):
            pass
        if self._next < end:
            self._fill(end)
        samples = np.concatenate([*self._placed, np.empty(0, np.int16)])
        count = max(0, end - self._given)
        self._placed = [samples[count:]]
        self._given += count
        return samples[:count]

    def _place(self, end: int) -> bool:
        """Puts the oldest frame where it belongs; False where that is beyond `end`."""
        late = self._least_delay()
        tolerance = round(TOLERANCE_S * AUDIO_RATE_HZ) if self._flows else 0
        if late > tolerance:
            if self._next + late >= end:
                return False
            self._fill(self._next + late)
            late = 0
        _, samples = self._pending.popleft()
        if late < -tolerance and np.abs(samples.astype(np.int32)).max(initial=0) < QUIET_PEAK:
            samples = samples[-late:]  # the lane has run ahead: it waits in a pause
        self._placed.append(samples)
        self._next += len(samples)
        self._flows = True
        return True

    def _least_delay(self) -> int:
        """By how many samples what is pending belongs behind what has been placed."""
        ahead, least = self._next, None
        for first, samples in self._pending:
            late = first - ahead
            least = late if least is None else min(least, late)
            ahead += len(samples)
        return least or 0

    def _fill(self, end: int) -> None:
        self._placed.append(np.zeros(end - self._next, np.int16))
        self._next = end
        self._flows = False


class VoiceLane:
    """The agent's voice as it sounded, silence between."""

    def __init__(self, start_s: float, sample_rate_hz: int) -> None:
        self.sounded = Sounded(sample_rate_hz)
        """To be told what sounds."""
        self._start_s = start_s
        self._rate_hz = sample_rate_hz
        self._first = round(start_s * sample_rate_hz)
        # In floats: of whole numbers it would dither, and silence would be noise.
        self._resampler = soxr.ResampleStream(sample_rate_hz, AUDIO_RATE_HZ, 1)
        self._ready = np.empty(0, np.int16)
        self._given = 0

    def take(self, until_s: float) -> Samples:
        """As PersonLane's."""
        end = round((until_s - self._start_s) * AUDIO_RATE_HZ)
        until = round((until_s + RESAMPLED_AHEAD_S) * self._rate_hz)
        if until > self._first:
            sound = self.sounded.between(self._first, until).astype(np.float32)
            self._first = until
            made = np.rint(self._resampler.resample_chunk(sound)).clip(-32768, 32767)
            self._ready = np.concatenate([self._ready, made.astype(np.int16)])
        count = max(0, end - self._given)
        samples, self._ready = self._ready[:count], self._ready[count:]
        self._given += len(samples)
        return np.pad(samples, (0, count - len(samples)))
