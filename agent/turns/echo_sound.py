"""How alike the microphone and the agent's voice are: by waveform at any delay, and by bands.

The waveform is whitened over the width of a formant (as in GCC-PHAT, Knapp & Carter 1976, but
smoother, so that noise between the harmonics does not count) and correlated over 256 ms. Speech of
somebody else stays under a likeness of 0.26 (99.5th percentile over 1 s of delays), an echo in a
room with as much reverberation as direct sound is at 0.3 to 0.8 from its first syllable.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from parley.audio import Samples

Floats = npt.NDArray[np.floating[Any]]

RATE_HZ = 16_000
WINDOW_SAMPLES = 512
WINDOW_S = WINDOW_SAMPLES / RATE_HZ
LONGEST_DELAY_S = 2.0
"""Room, both loudspeaker's and microphone's buffers, and transport both ways."""
COMPARED_S = 0.256
NEAR_S = 0.02
"""How far a known delay is searched around: jitter buffers move it."""
BANDS = 24
BAND_HZ = (150.0, 7000.0)

_FRAME, _HOP = 512, 256
_HALF_HZ = RATE_HZ // 2
_BINS = _FRAME // 4 + 1
"""Those that are left at half the rate."""
_SPEECH_HZ = (150.0, 3900.0)
_SMOOTH = 9
_LOUDNESS = 0.7
"""Exponent of a frame's level that is left by whitening: loud frames count for more."""
_COMPARED = round(COMPARED_S * _HALF_HZ)
_DELAYS = round(LONGEST_DELAY_S * _HALF_HZ)
NEAR_DELAY = round(NEAR_S * _HALF_HZ)
_BLOCK = 6144
"""Longer transforms leave the processor's cache: one over two seconds costs twice as much."""
_TINY = 1e-9


@dataclass(frozen=True)
class Likeness:
    share: float
    """Normalized correlation, 0 to 1."""
    delay: int
    """In samples at half of RATE_HZ."""

    @property
    def delay_windows(self) -> int:
        return round(self.delay / _HALF_HZ / WINDOW_S)


NOT_ALIKE = Likeness(0.0, 0)


class Waveforms:
    """The last of the microphone and of what was played, whitened, in step."""

    def __init__(self) -> None:
        self._frames = np.zeros((2, _HOP), np.float32)
        self._tails = np.zeros((2, _HOP // 2), np.float32)
        self._heard = np.zeros(_COMPARED, np.float32)
        self._played = np.zeros(_COMPARED + _DELAYS, np.float32)

    def push(self, heard: Floats, played: Floats) -> None:
        """Takes a window of each, full scale 1."""
        sound = np.concatenate([self._frames, np.stack([heard, played])], axis=1)
        self._frames = sound[:, -_HOP:]
        for start in (0, _HOP):
            white = _whitened(sound[:, start : start + _FRAME])
            half = _HOP // 2
            done = self._tails + white[:, :half]
            self._tails = white[:, half:]
            self._heard = np.concatenate([self._heard[half:], done[0]])
            self._played = np.concatenate([self._played[half:], done[1]])

    def likeness(self, *, near: int | None = None) -> Likeness:
        """At the delay where it is best, or best near that delay."""
        low, high = (0, _DELAYS) if near is None else (max(0, near - NEAR_DELAY), near + NEAR_DELAY)
        high = min(high, _DELAYS)
        size = len(self._played)
        return _best(self._heard, self._played[size - _COMPARED - high : size - low], high)


def _whitened(frames: Floats) -> Floats:
    """Of frames [n, 512] the same at half the rate, [n, 256], ready to be added up."""
    spectra = np.fft.rfft(frames * _WINDOW)[:, :_BINS] * _SPEECH
    sizes = np.abs(spectra)
    sums = np.cumsum(np.pad(sizes, ((0, 0), (_SMOOTH // 2 + 1, _SMOOTH // 2))), axis=1)
    smooth = (sums[:, _SMOOTH:] - sums[:, :-_SMOOTH]) / _SMOOTH
    level = np.sqrt(np.mean(sizes**2, axis=1, keepdims=True))
    white = np.fft.irfft(spectra / (smooth + _TINY) * level**_LOUDNESS)
    return np.asarray(white * _WINDOW[::2], np.float32)


def _best(heard: Floats, played: Floats, longest: int) -> Likeness:
    """`played` is longer by the delays that are searched; its first sample is `longest` back."""
    count = len(heard)
    products = _products(heard, played)
    sums = np.concatenate([[0.0], np.cumsum(played.astype(np.float64) ** 2)])
    powers = sums[count:] - sums[:-count]
    loudest = powers.max()
    own = float(heard @ heard)
    if loudest <= _TINY or own <= _TINY:
        return NOT_ALIKE
    shares = products / np.sqrt(np.maximum(powers, 0.02 * loudest) * own)
    place = int(np.argmax(shares))
    return Likeness(float(shares[place]), longest - place)


def _products(heard: Floats, played: Floats) -> Floats:
    """Of `heard` with each place of `played`, without their signs."""
    places = len(played) - len(heard) + 1
    size = min(_BLOCK, _fast(len(played)))
    step = size - len(heard) + 1
    spectrum = np.conj(np.fft.rfft(heard, size))
    blocks = [
        np.fft.irfft(np.fft.rfft(played[start : start + size], size) * spectrum, size)[:step]
        for start in range(0, places, step)
    ]
    return np.abs(np.concatenate(blocks)[:places])


def _fast(count: int) -> int:
    """The next length that a Fourier transform is fast for."""
    power = 1 << (count - 1).bit_length()
    return min(size for size in (power, power * 5 // 8, power * 3 // 4) if size >= count)


class BandLevels:
    """Powers of a signal in bands of equal width to the ear, window by window."""

    def __init__(self) -> None:
        self._before = np.zeros(WINDOW_SAMPLES, np.float32)

    def push(self, window: Floats) -> Floats:
        sound = np.concatenate([self._before, window]) * _LONG_WINDOW
        self._before = window
        powers = np.abs(np.fft.rfft(sound)) ** 2 / (len(sound) ** 2 / 4 * 0.375)
        return np.asarray(np.add.reduceat(powers, _EDGES)[:-1] + _TINY / 10, np.float32)


def full_scale(window: Samples) -> Floats:
    """int16 samples as fractions of full scale."""
    return np.asarray(window, np.float32) / 32768


def _edges() -> npt.NDArray[np.int64]:
    low, high = (2595 * np.log10(1 + hz / 700) for hz in BAND_HZ)
    hz = 700 * (10 ** (np.linspace(low, high, BANDS + 1) / 2595) - 1)
    return np.round(hz * 2 * WINDOW_SAMPLES / RATE_HZ).astype(np.int64)


_WINDOW = np.sqrt(np.hanning(_FRAME + 1)[:-1]).astype(np.float32)
_LONG_WINDOW = np.hanning(2 * WINDOW_SAMPLES).astype(np.float32)
_EDGES = _edges()
_FREQUENCIES = np.arange(_BINS) * RATE_HZ / _FRAME
_SPEECH = np.abs(_FREQUENCIES - sum(_SPEECH_HZ) / 2) < (_SPEECH_HZ[1] - _SPEECH_HZ[0]) / 2
