"""How much grows with each call: a slope through readings, with its confidence.

The slope is Theil–Sen's, the median of the slopes between all pairs of readings: one garbage
collection or one buffer that doubles does not tilt it. Readings that follow one another are alike,
so its 95% interval comes from a moving-block bootstrap: whole stretches of what the line leaves
unexplained are laid over the line anew, and the line is fitted again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WARM_UP = 0.2
"""Of the load, at its beginning: caches, pools and allocators fill up. Not in the fit."""
LEAST_READINGS = 8
RESAMPLES = 1000
CONFIDENCE_PERCENT = 95.0
_SEED = 1

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Slope:
    """Growth per call or per utterance, in the unit of what was read."""

    per_unit: float
    low: float
    high: float
    """Of the 95% interval."""
    readings: int

    def exceeds(self, limit: float) -> bool:
        """Whether the growth is above the limit with confidence."""
        return self.low > limit


@dataclass(frozen=True)
class LeakReading:
    """What was read after so many calls or utterances."""

    done: int
    value: float


def fit(readings: Sequence[LeakReading]) -> Slope:
    """The slope through the readings after the warm-up; raises ValueError for too few of them."""
    total = readings[-1].done if readings else 0
    settled = [reading for reading in readings if reading.done >= WARM_UP * total]
    if len(settled) < LEAST_READINGS:
        raise ValueError(
            f"{len(settled)} readings after the warm-up are too few for a slope: "
            f"{LEAST_READINGS} are needed"
        )
    done = np.array([reading.done for reading in settled], np.float64)
    values = np.array([reading.value for reading in settled], np.float64)
    pairs = _Pairs(done)
    slope = pairs.slope(values)
    line = slope * done + float(np.median(values - slope * done))
    left = values - line
    if not left.any():
        return Slope(slope, slope, slope, len(settled))
    chance = np.random.default_rng(_SEED)
    slopes = [pairs.slope(line + _reshuffled(left, chance)) for _ in range(RESAMPLES)]
    outside = (100 - CONFIDENCE_PERCENT) / 2
    low, high = np.percentile(slopes, [outside, 100 - outside])
    return Slope(slope, float(low), float(high), len(settled))


class _Pairs:
    """All pairs of readings that are not of the same moment."""

    def __init__(self, done: Floats) -> None:
        first, second = np.triu_indices(len(done), k=1)
        apart = done[second] > done[first]
        self._first, self._second = first[apart], second[apart]
        self._apart = done[self._second] - done[self._first]

    def slope(self, values: Floats) -> float:
        return float(np.median((values[self._second] - values[self._first]) / self._apart))


def _reshuffled(left: Floats, chance: np.random.Generator) -> Floats:
    """Blocks of it from anywhere, as long as their number's root, until there is as much again."""
    length = max(2, round(len(left) ** 0.5))
    starts = chance.integers(0, len(left) - length + 1, -(-len(left) // length))
    return np.concatenate([left[start : start + length] for start in starts])[: len(left)]
