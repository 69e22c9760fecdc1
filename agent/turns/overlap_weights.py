"""The fitted weights of murmurs, by sound and by words: written by `./run bench floor --fit`."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class HumWeight:
    """Of a feature of the sound, which is scaled by its mean and spread; in log odds."""

    mean: float
    spread: float
    weight: float


@dataclass(frozen=True, kw_only=True)
class WordWeights:
    """In log odds of words wanting the floor that no table knows as a murmur."""

    bias: float
    hum: float
    """Of the log odds that it sounds like a hum."""
    confidence: float
    """Of recognition's, 0 to 1."""
    more_words: float
    """Of each after the first, up to three."""
    asking: float
    """Of a word that asks for the floor, or denies."""
    spelled_hum: float
    """Of words that are what a hum is spelled as, with or without a known murmur: "Amen, yeah"."""
    alike: float
    """Of how much they are spelled like a murmur that is known."""
    longer: float
    """Of each second of voice that the words do not take."""


# fitted
WORDS = WordWeights(
    bias=-4.99,
    hum=-0.5,
    confidence=4.4,
    more_words=1.06,
    asking=2.05,
    spelled_hum=-2.79,
    alike=-5.72,
    longer=2.13,
)
HUM: Mapping[str, HumWeight] = {
    "bias": HumWeight(0.0, 1.0, -0.676),
    "band_80": HumWeight(-7.924, 5.088, 1.464),
    "band_250": HumWeight(-7.591, 3.357, 0.022),
    "band_500": HumWeight(-11.742, 5.745, 0.627),
    "band_1000": HumWeight(-18.566, 6.459, 0.096),
    "band_1800": HumWeight(-22.654, 6.16, -0.425),
    "band_2800": HumWeight(-24.645, 5.876, 0.241),
    "band_4200": HumWeight(-32.276, 6.548, 0.123),
    "band_6000": HumWeight(-36.106, 4.894, 0.274),
    "moves_80": HumWeight(4.661, 3.36, 0.99),
    "moves_250": HumWeight(4.063, 2.675, -1.675),
    "moves_500": HumWeight(6.644, 2.82, 0.871),
    "moves_1000": HumWeight(7.376, 3.114, -0.73),
    "moves_1800": HumWeight(6.575, 2.708, -0.742),
    "moves_2800": HumWeight(6.174, 2.597, 0.39),
    "moves_4200": HumWeight(6.725, 3.166, 0.249),
    "moves_6000": HumWeight(6.582, 3.391, 0.638),
    "change": HumWeight(4.032, 1.31, -0.359),
    "pitched": HumWeight(0.632, 0.153, 0.233),
    "pitched_moves": HumWeight(0.126, 0.058, -0.239),
    "level_moves": HumWeight(4.553, 1.349, -0.291),
    "length": HumWeight(13.323, 6.166, -0.241),
}
