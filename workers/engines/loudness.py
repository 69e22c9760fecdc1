"""Every voice at one level: a fixed gain measured once, and a soft limiter."""

from dataclasses import dataclass

import numpy as np

from workers.engines.tts_engine import FloatSamples

SPEECH_LEVEL_DBFS = -20.0
"""RMS of the voiced parts that every voice is brought to."""

_KNEE = 0.7
_BLOCK_S = 0.05
_GATE_DB = 20.0


@dataclass(frozen=True)
class Loudness:
    """A gain in dB. It depends on the voice alone, never on an utterance: chunks fit together."""

    gain_db: float

    @classmethod
    def measured(cls, samples: FloatSamples, sample_rate_hz: int) -> "Loudness":
        """The gain that brings this speech to the common level, in tenths of a dB."""
        return cls(round(SPEECH_LEVEL_DBFS - speech_level_dbfs(samples, sample_rate_hz), 1))

    def apply(self, samples: FloatSamples) -> FloatSamples:
        """Amplified; linear up to the knee (-3 dBFS), bent softly below full scale above it."""
        louder = samples * np.float32(10 ** (self.gain_db / 20))
        magnitude = np.abs(louder)
        over = magnitude > _KNEE
        if over.any():
            room = 1 - _KNEE
            bent = _KNEE + room * np.tanh((magnitude[over] - _KNEE) / room)
            louder[over] = np.copysign(bent, louder[over])
        return louder


def speech_level_dbfs(samples: FloatSamples, sample_rate_hz: int) -> float:
    """RMS of the blocks within 20 dB of the loudest: pauses do not count (after ITU-T P.56).

    Raises ValueError for silence.
    """
    length = int(_BLOCK_S * sample_rate_hz)
    blocks = samples[: len(samples) // length * length].reshape(-1, length)
    power = np.mean(np.square(blocks, dtype=np.float64), axis=1)
    if not len(power) or power.max() <= 0:
        raise ValueError("silence has no speech level")
    voiced = power[power > power.max() / 10 ** (_GATE_DB / 10)]
    return float(10 * np.log10(voiced.mean()))
