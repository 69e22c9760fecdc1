"""Speech whose words are known, made in this process, and sounds that are no speech."""

import re
from functools import cache

import numpy as np
import soxr
from hibari import SAMPLE_RATE, Hibari

from workers.engines.tts_engine import FloatSamples

RATE_HZ = 16000
LIGHTS = "Please turn off the lights in the kitchen."
WEATHER = "What will the weather be like tomorrow morning?"


@cache
def _voice() -> Hibari:
    return Hibari()


@cache
def speech(text: str, *, speed: float = 1.0) -> FloatSamples:
    """The text as spoken, 16 kHz, with little silence around it."""
    samples = _voice()(text, seed=0, speed=speed)
    return np.asarray(soxr.resample(samples, SAMPLE_RATE, RATE_HZ), np.float32)


def silence(seconds: float) -> FloatSamples:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def pcm(samples: FloatSamples) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def noises() -> dict[str, FloatSamples]:
    """Three seconds each of what a microphone hears when nobody speaks."""
    random = np.random.default_rng(1)
    time = np.arange(3 * RATE_HZ) / RATE_HZ
    hiss = random.normal(0, 1, len(time))
    clicks = np.zeros(len(time))
    clicks[::7000] = 0.9
    siren = np.cumsum(700 + 300 * np.sin(2 * np.pi * 0.8 * time)) / RATE_HZ
    sounds = {
        "hiss": 0.05 * hiss,
        "rumble": np.convolve(hiss, np.ones(400) / 400, "same") * 4,
        "hum": 0.3 * np.sin(2 * np.pi * 50 * time) + 0.1 * np.sin(2 * np.pi * 150 * time),
        "beeps": 0.3 * np.sin(2 * np.pi * 1000 * time) * (4 * time % 1 < 0.5),
        "siren": 0.3 * np.sin(2 * np.pi * siren),
        "knocks": np.convolve(clicks, hiss[:600] * np.exp(-np.arange(600) / 90), "same") * 0.3,
    }
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}
