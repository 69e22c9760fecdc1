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
    """Of a first word that asks for the floor."""
    spelled_hum: float
    """Of words that are what a hum is spelled as, with or without a known murmur: "Amen, yeah"."""
    longer: float
    """Of each second of voice that the words do not take."""


# fitted
WORDS = WordWeights(
    bias=-5.24,
    hum=-0.41,
    confidence=4.23,
    more_words=1.3,
    asking=3.05,
    spelled_hum=-3.25,
    longer=2.22,
)
HUM: Mapping[str, HumWeight] = {
    "bias": HumWeight(0.0, 1.0, -0.699),
    "band_80": HumWeight(-8.01, 5.322, 1.198),
    "band_250": HumWeight(-7.67, 3.535, -0.074),
    "band_500": HumWeight(-11.846, 5.612, 0.121),
    "band_1000": HumWeight(-18.816, 6.16, -0.08),
    "band_1800": HumWeight(-22.649, 6.122, -0.377),
    "band_2800": HumWeight(-25.247, 5.717, 0.069),
    "band_4200": HumWeight(-32.518, 5.977, 0.306),
    "band_6000": HumWeight(-36.239, 4.769, 0.773),
    "moves_80": HumWeight(4.863, 3.535, 0.978),
    "moves_250": HumWeight(4.158, 2.721, -1.936),
    "moves_500": HumWeight(6.698, 2.831, 0.624),
    "moves_1000": HumWeight(7.275, 2.958, -0.551),
    "moves_1800": HumWeight(6.489, 2.651, -0.725),
    "moves_2800": HumWeight(6.27, 2.584, 0.587),
    "moves_4200": HumWeight(6.751, 3.192, -0.052),
    "moves_6000": HumWeight(6.593, 3.392, 0.659),
    "change": HumWeight(4.099, 1.313, -0.556),
    "pitched": HumWeight(0.633, 0.159, 0.256),
    "pitched_moves": HumWeight(0.124, 0.059, -0.366),
    "level_moves": HumWeight(4.521, 1.368, -0.207),
    "length": HumWeight(13.131, 6.095, -0.35),
}
