"""A loudspeaker near the caller's microphone, and nothing that cancels its echo."""

import numpy as np

from parley.audio import Samples

LONGEST_S = 0.2
"""Sound waits no longer than this beyond the delay, however unevenly it comes and goes."""


class Loudspeaker:
    """Plays what the ear hears into the microphone: `gain_db` louder (below 0: quieter) and
    `delay_s` later, beside what the ear's and the microphone's own buffers take."""

    def __init__(self, *, gain_db: float, delay_s: float, sample_rate_hz: int) -> None:
        self._gain = 10 ** (gain_db / 20)
        delay = round(delay_s * sample_rate_hz)
        self._air = np.zeros(delay, np.int16)
        self._longest = delay + round(LONGEST_S * sample_rate_hz)

    def play(self, frame: Samples) -> None:
        """Takes what is heard, int16 of shape [n]."""
        self._air = np.concatenate([self._air, frame])[-self._longest :]

    def take(self, count: int) -> Samples:
        """What comes back next; silence where too little has been played."""
        back, self._air = self._air[:count], self._air[count:]
        return (np.pad(back, (0, count - len(back))) * self._gain).astype(np.int16)
