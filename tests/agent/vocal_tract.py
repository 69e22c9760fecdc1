"""Hums and words of made voices: harmonics of a pitch through the resonances of a mouth.

Nothing of agent/turns/overlap_weights.py was fitted on any of these sounds: all are held out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.turns.overlap_sound import RATE_HZ, WindowSound
from parley.audio import Samples

WINDOW = 512
_BREATH = 0.003
_ROOM = 4.0

Floats = npt.NDArray[np.float64]
Resonance = tuple[float, float]
"""Its frequency and its width, in Hz."""


@dataclass(frozen=True)
class MadeVoice:
    """Of a person: the pitch, and the resonances of their nose with the mouth closed."""

    pitch_hz: float
    nose: tuple[Resonance, ...]
    mouth_hz: float
    """The closed mouth takes away what is around it."""


VOICES = {
    "deep": MadeVoice(92.0, ((240, 60), (1000, 220), (2100, 350), (3100, 450)), 850.0),
    "man": MadeVoice(124.0, ((260, 70), (1080, 250), (2250, 350), (3300, 450)), 950.0),
    "woman": MadeVoice(198.0, ((290, 80), (1180, 280), (2500, 400), (3600, 500)), 1100.0),
    "young": MadeVoice(172.0, ((275, 75), (1140, 260), (2400, 380), (3450, 480)), 1050.0),
}
OPEN: dict[str, tuple[Resonance, ...]] = {
    "ah": ((730, 90), (1090, 110), (2440, 170), (3400, 250)),
    "ee": ((270, 60), (2290, 100), (3010, 170), (3600, 250)),
    "oh": ((570, 80), (840, 90), (2410, 170), (3300, 250)),
    "eh": ((530, 70), (1840, 100), (2480, 170), (3500, 250)),
}


def hum(voice: MadeVoice, seconds: float, *, rises: float, beats: int, seed: int = 1) -> Samples:
    """ "Mm" (one beat) or "mm-hm" (two, with a breath between), whose pitch rises by that part, or
    falls."""
    time = _time(seconds)
    pitch = voice.pitch_hz * (1 + rises * np.clip(time / seconds - 0.4, 0, 0.4) / 0.4)
    level = _edges(time, seconds)
    for beat in range(1, beats):
        level *= 1 - 0.95 * np.exp(-(((time - beat * seconds / beats) / 0.04) ** 2))
    gains = [_response(voice.nose) / _response(((voice.mouth_hz, 300.0),))]
    return _sounding(_voiced(pitch, gains) * level, seed)


def word(voice: MadeVoice, vowels: Sequence[str], seconds: float, *, seed: int = 1) -> Samples:
    """A hiss and vowels that run into each other: "say", "so", whatever."""
    time = _time(seconds)
    gains = [_response(OPEN[vowel]) for vowel in vowels]
    voiced = _voiced(np.full(len(time), voice.pitch_hz) * (1 - 0.1 * time), gains)
    hiss_s = 0.12
    voiced *= _edges(time, seconds) * np.clip((time - hiss_s) / 0.02, 0, 1)
    noise = np.diff(np.random.default_rng(seed).normal(0, 1, len(time) + 2), 2)
    hiss = noise * 0.08 * np.abs(voiced).max() * (time < hiss_s)
    return _sounding(voiced + hiss, seed)


def windows(sound: Samples) -> list[WindowSound]:
    """As the agent hears it."""
    count = len(sound) // WINDOW
    return [WindowSound.of(sound[n * WINDOW : (n + 1) * WINDOW]) for n in range(count)]


def _time(seconds: float) -> Floats:
    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _edges(time: Floats, seconds: float) -> Floats:
    return np.clip(np.minimum(time / 0.03, (seconds - time) / 0.08), 0, 1)


def _response(resonances: Sequence[Resonance]) -> Floats:
    """How much of a tone passes, by its frequency in Hz."""
    hz = np.arange(RATE_HZ // 2 + 1, dtype=np.float64)
    passes = np.ones(len(hz))
    for center, width in resonances:
        passes *= center**2 / np.hypot(center**2 - hz**2, width * hz)
    return passes


def _voiced(pitch: Floats, gains: Sequence[Floats]) -> Floats:
    """A voice of that pitch, from one mouth to the next."""
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    along = np.linspace(0, len(gains) - 1, len(pitch))
    sound = np.zeros(len(pitch))
    for count in range(1, int(RATE_HZ / 2 / pitch.max())):
        at = (count * pitch).astype(int)
        passes = sum(
            np.clip(1 - np.abs(along - number), 0, 1) * gain[at]
            for number, gain in enumerate(gains)
        )
        sound += passes / count * np.cos(count * phase)
    return sound


def _sounding(sound: Floats, seed: int) -> Samples:
    """At the level of speech, with its breath and a room's noise."""
    random = np.random.default_rng(seed)
    breath = _BREATH * np.abs(sound) * random.normal(0, 1, len(sound))
    loud = 8000 * (sound + breath) / np.abs(sound).max()
    return np.asarray(loud + _ROOM * random.normal(0, 1, len(sound))).astype(np.int16)
