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
"""Power above ABOVE_HZ relative to that below."""
DARK_SHARE = 0.55
"""Of the voiced windows of a hum, its breath included; in one voice 0.57 to 0.8 are dark, of "no"
0.36 to 0.5, of other words less, but for those without an open vowel or a hiss ("who", "two"):
these are told by being clear, and any other that recognition makes of such a sound was not said."""


LONGEST_HUM_S = 0.75
"""So much may be voiced of a hum."""


def is_hum(voiced_s: float, dark_share: float) -> bool:
    """Whether so much voice, of which that share is dark, is a hum by its sound."""
    return dark_share >= DARK_SHARE and voiced_s <= LONGEST_HUM_S


def is_dark(window: Samples) -> bool:
    """Whether the window's sound is one that a closed mouth can make."""
    powers = np.abs(np.fft.rfft(window * np.hanning(len(window)))) ** 2
    split = round(ABOVE_HZ * len(window) / RATE_HZ)
    low, high = float(powers[:split].sum()), float(powers[split:].sum())
    return high < 10 ** (DARK_DB / 10) * low
