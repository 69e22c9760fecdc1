"""The noise of a quiet room, which every microphone carries: pink, far below speech."""

from functools import cache

import numpy as np

from parley.audio import Samples

ROOM_DBFS = -65.0
LENGTH_S = 20.0
"""Then it begins again; nothing that listens remembers so much."""
LOWEST_HZ = 40.0
SEED = 11


@cache
def room_noise(sample_rate_hz: int, *, dbfs: float = ROOM_DBFS, seed: int = SEED) -> Samples:
    """So much pink noise (3 dB less with every octave), int16, at that RMS level; the same for the
    same seed."""
    count = round(LENGTH_S * sample_rate_hz)
    frequencies = np.fft.rfftfreq(count, 1 / sample_rate_hz)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(0, 1, count))
    spectrum *= 1 / np.sqrt(np.maximum(frequencies, LOWEST_HZ))
    spectrum[frequencies < LOWEST_HZ] = 0
    noise = np.fft.irfft(spectrum, count)
    noise *= 32768 * 10 ** (dbfs / 20) / np.sqrt(np.mean(np.square(noise)))
    return np.round(noise).astype(np.int16)
