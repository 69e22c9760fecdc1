"""What was played, window by window in step with the microphone's, for comparing the two.

They go in step by their samples, not by the time at which they are looked at: a process that was
busy for a moment finds frames of the microphone in its queue, and what they are to be compared
with is what sounded as they were heard.
"""

import numpy as np

from parley.audio import Samples

RATE_HZ = 16_000
CUSHION_SAMPLES = round(0.04 * RATE_HZ)
"""What is kept between sounding and comparison: frames come unevenly, and an echo comes later."""
BACKLOG_SAMPLES = round(0.25 * RATE_HZ)
"""More than that sounded while the microphone brought nothing, or is behind."""
NOT_CAUGHT_UP = 10
"""In so many windows in a row a microphone that is only behind would have caught up a little."""


class PlayedWindows:
    """16 kHz, mono. Push what has sounded, and take as many samples as the microphone brought."""

    def __init__(self) -> None:
        self._sound: Samples = np.zeros(CUSHION_SAMPLES, np.int16)
        """Not compared yet."""
        self._before = 0
        self._least = 0
        """The smallest backlog of those that are being looked at."""
        self._not_less = 0
        """For how many windows it has not become smaller."""

    def push(self, sounded: Samples) -> None:
        """Takes what has sounded since the last time."""
        self._sound = np.concatenate([self._sound, sounded])

    def take(self, count: int) -> Samples:
        """What was played as the microphone's next `count` samples were heard, and some delay."""
        backlog = len(self._sound) - count
        if backlog < 0:  # the microphone is ahead: from now on this is compared later
            self._sound = np.pad(self._sound, (-backlog, 0))
        elif self._brought_nothing(backlog):
            self._sound = self._sound[backlog - CUSHION_SAMPLES :]
        window, self._sound = self._sound[:count], self._sound[count:]
        return window

    def _brought_nothing(self, backlog: int) -> bool:
        """Whether there was a gap in the microphone's sound. A queue of frames that waited in a
        busy process becomes shorter with each that is taken from it; a gap stays."""
        risen = backlog - self._before > BACKLOG_SAMPLES
        self._before = backlog
        if backlog <= BACKLOG_SAMPLES or risen or backlog < self._least:
            self._least, self._not_less = backlog, 0
            return False
        self._not_less += 1
        if self._not_less < NOT_CAUGHT_UP:
            return False
        self._before = self._least = CUSHION_SAMPLES
        return True
