"""How much speech over the agent's voice sounds like a hum: "mm-hm", "uh-huh".

Recognition has no spelling for it and makes words of it ("Emma Machin", "A memo"). A hum has little
sound above 1 kHz, and stays as it is: a logistic model over the spectrum, its movement, the pitch
and the length of the first 0.8 s of voice tells how likely it is one. `./run bench floor --fit`
fits it; docs/turn-taking.md says on what, and how well.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from agent.turns.overlap_weights import HUM, HumWeight
from parley.audio import Samples

RATE_HZ = 16_000
BAND_EDGES_HZ = (80, 250, 500, 1000, 1800, 2800, 4200, 6000, 8000)
LONGEST_WINDOWS = 25
"""Of the voice so many are judged, the first 0.8 s."""
LEAST_WINDOWS = 4
"""Of fewer nothing can be said."""
UNKNOWN = 0.5
_QUIETEST_DB = -45.0
"""Of a band, relative to the whole window: below it is the room."""
_COUNTS_DB = 25.0
"""Windows so far below the loudest do not count, those in between in part."""
_PITCH_S = (1 / 420, 1 / 70)
"""Periods of a voice."""
_SPECTRUM = 1024

Floats = npt.NDArray[np.float64]

FEATURES = (
    *(f"band_{low}" for low in BAND_EDGES_HZ[:-1]),
    *(f"moves_{low}" for low in BAND_EDGES_HZ[:-1]),
    "change",
    "pitched",
    "pitched_moves",
    "level_moves",
    "length",
)
"""How much of the sound is in a band, and how much that moves; how much the spectrum changes from
window to window; how periodic it is; how the level moves; how long it has lasted."""


@dataclass(frozen=True)
class WindowSound:
    """One voiced window of 32 ms."""

    level_db: float
    bands_db: Floats
    """Of the window's power, by BAND_EDGES_HZ."""
    periodicity: float
    """0 to 1: how alike it is to itself a period of a voice later."""

    @classmethod
    def of(cls, window: Samples) -> "WindowSound":
        """`window`: int16 at RATE_HZ."""
        sound = window.astype(np.float64) / 32768
        powers = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), _SPECTRUM)) ** 2
        edges = [round(hz * _SPECTRUM / RATE_HZ) for hz in BAND_EDGES_HZ]
        bands = np.add.reduceat(powers, edges)[: len(edges) - 1]
        total = float(bands.sum()) + 1e-12
        shares_db = np.maximum(10 * np.log10(bands / total + 1e-12), _QUIETEST_DB)
        likeness = np.fft.irfft(powers)
        first, last = (round(period_s * RATE_HZ) for period_s in _PITCH_S)
        periodicity = float(likeness[first:last].max()) / (float(likeness[0]) + 1e-12)
        return cls(10 * math.log10(total), shares_db, max(0.0, periodicity))


@dataclass
class OverlapSound:
    """Speech over the agent's voice, window by window."""

    voiced_s: float = 0.0
    windows: list[WindowSound] = field(default_factory=list)
    """The first of them."""

    def push(self, duration_s: float, window: WindowSound | None) -> None:
        """Takes the next voiced window; None: it was not looked at."""
        self.voiced_s += duration_s
        if window is not None and len(self.windows) < LONGEST_WINDOWS:
            self.windows.append(window)

    @property
    def hum(self) -> float:
        """How likely it is a hum, 0 to 1, where hums are as frequent as all else."""
        if len(self.windows) < LEAST_WINDOWS:
            return UNKNOWN
        return hum_probability(features(self.windows), HUM)


def features(windows: list[WindowSound]) -> Floats:
    """As FEATURES names them."""
    levels = np.array([window.level_db for window in windows])
    counts = np.clip(1 + (levels - levels.max()) / _COUNTS_DB, 0.02, 1)
    counts = counts / counts.sum()
    bands = np.array([window.bands_db for window in windows])
    pitched = np.array([window.periodicity for window in windows])

    def mean(values: Floats) -> Floats:
        return np.asarray(counts @ values)

    def moves(values: Floats) -> Floats:
        return np.sqrt(mean((values - mean(values)) ** 2))

    steps = np.abs(np.diff(bands, axis=0)).mean(axis=1)
    both = np.minimum(counts[1:], counts[:-1])
    return np.concatenate(
        [
            mean(bands),
            moves(bands),
            [
                float(both @ steps / both.sum()),
                float(mean(pitched)),
                float(moves(pitched)),
                float(moves(levels)),
                float(len(windows)),
            ],
        ]
    )


def hum_probability(heard: Floats, weights: Mapping[str, HumWeight]) -> float:
    """Of a sound with these features."""
    log_odds = weights["bias"].weight
    for name, value in zip(FEATURES, heard, strict=True):
        known = weights[name]
        log_odds += known.weight * (float(value) - known.mean) / known.spread
    return 1 / (1 + math.exp(-min(max(log_odds, -30.0), 30.0)))
