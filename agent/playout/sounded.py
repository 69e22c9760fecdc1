"""The samples of the agent's voice that have sounded, for comparing the microphone with them."""

from collections import deque

import numpy as np

from parley.audio import Samples

RATE_HZ = 16_000
"""Of what is given out: the microphone's."""
KEPT_FRAMES = 100
"""Some seconds: where nobody listens to the person, nobody asks."""


class Sounded:
    """The audio handed to the loudspeaker, by the time at which it sounds; silence between.

    Times are seconds of one clock. What sounds later than now may still be taken back.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._frames: deque[tuple[int, Samples]] = deque(maxlen=KEPT_FRAMES)
        """With the place of their first sample, counted from the clock's zero."""
        self._given: int | None = None
        """Place of the next sample to give out, at RATE_HZ."""
        self.also: Sounded | None = None
        """Is told the same: somebody keeps it."""

    def add(self, start_s: float, samples: Samples) -> None:
        """These samples sound from `start_s` on, after all that were added before."""
        self._frames.append((round(start_s * self.sample_rate_hz), samples))
        if self.also is not None:
            self.also.add(start_s, samples)

    def take_back(self, from_s: float) -> None:
        """What would have sounded from then on does not."""
        place = round(from_s * self.sample_rate_hz)
        while self._frames and self._frames[-1][0] >= place:
            self._frames.pop()
        if self._frames:
            first, samples = self._frames[-1]
            self._frames[-1] = first, samples[: place - first]
        if self.also is not None:
            self.also.take_back(from_s)

    def take(self, now_s: float) -> Samples:
        """What has sounded since it was last asked, at RATE_HZ; the first time nothing."""
        end = int(now_s * RATE_HZ)
        start = self._given if self._given is not None else end
        self._given = max(start, end)
        if start >= end:
            return np.empty(0, np.int16)
        # Between two samples a straight line: what that adds lies above what is compared.
        places = np.arange(start, end) * (self.sample_rate_hz / RATE_HZ)
        first = int(places[0])
        sound = self.between(first, int(places[-1]) + 2)
        if not sound.any():
            return np.zeros(end - start, np.int16)
        between = np.interp(places - first, np.arange(len(sound)), sound)
        return np.asarray(between, np.int16)

    def between(self, start: int, end: int) -> Samples:
        """The samples at these places, counted from the clock's zero; forgets what lies before."""
        while self._frames and self._frames[0][0] + len(self._frames[0][1]) <= start:
            self._frames.popleft()
        sound = np.zeros(end - start, np.int16)
        for first, samples in self._frames:
            low, high = max(first, start), min(first + len(samples), end)
            if low < high:
                sound[low - start : high - start] = samples[low - first : high - first]
        return sound
