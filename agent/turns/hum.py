"""What a closed mouth sounds like: a murmur is told by its sound where it has no spelling.

Recognition makes words of "mm-hmm" ("Emma Machin", "and the Mee Chan"). Whoever hums has hardly any
sound above 1 kHz, where every vowel but the darkest has its second formant and every consonant
but the nasals most of its noise.
"""

import numpy as np

from parley.audio import Samples

RATE_HZ = 16_000
ABOVE_HZ = 1000.0
DARK_DB = -15.0
"""Power above ABOVE_HZ relative to that below. In one voice three quarters of the windows of a hum
are below -15 dB, of "no", "whoa", "mom" and "hello" below -10 dB."""
DARK_SHARE = 0.75


def is_dark(window: Samples) -> bool:
    """Whether the window's sound is one that a closed mouth can make."""
    powers = np.abs(np.fft.rfft(window * np.hanning(len(window)))) ** 2
    split = round(ABOVE_HZ * len(window) / RATE_HZ)
    low, high = float(powers[:split].sum()), float(powers[split:].sum())
    return high < 10 ** (DARK_DB / 10) * low
