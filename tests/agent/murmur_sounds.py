"""Windows of a closed mouth and of an open one, of harmonics of a pitch."""

import numpy as np

from agent.turns.overlap_sound import RATE_HZ
from parley.audio import Samples

WINDOW = 512
PITCH_HZ = 120.0


def hum_window(number: int = 0) -> Samples:
    """Hardly anything above the first harmonics."""
    return _harmonics([1.0, 0.5, 0.1, 0.02], number)


def open_window(number: int = 0) -> Samples:
    """As much around 700 and 1,200 Hz as below, as in "ah"."""
    at_hz = PITCH_HZ * np.arange(1, 25)
    return _harmonics(
        list(0.4 + np.exp(-(((at_hz - 700) / 200) ** 2)) + np.exp(-(((at_hz - 1200) / 300) ** 2))),
        number,
    )


def _harmonics(levels: list[float], number: int) -> Samples:
    time = (np.arange(WINDOW) + number * WINDOW) / RATE_HZ
    sound = sum(
        level * np.cos(2 * np.pi * PITCH_HZ * count * time)
        for count, level in enumerate(levels, start=1)
    )
    return np.asarray(6000 * sound / np.abs(sound).max()).astype(np.int16)
