"""Noises made of random numbers, the same in every run: slams, coughs, laughs; nobody speaks."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bench import floor_split
from bench.floor_sounds import RATE_HZ, SPEECH_DBFS, FloorSound, at_level
from bench.floor_split import Split

Float = npt.NDArray[np.float64]


def generated_noises(each: int, split: Split) -> Iterator[FloorSound]:
    """So many of each kind, no two alike; three kinds are held out altogether."""
    kinds: dict[str, Callable[[np.random.Generator], Float]] = {
        "door": _door,
        "cough": _cough,
        "clap": _clap,
        "chord": _chord,
        "laugh": _laugh,
    }
    if split == "held_out":
        kinds |= {"keys": _keys, "glass": _glass, "throat": _throat}
    first = floor_split.HELD_OUT_SEED if split == "held_out" else 0
    for kind, make in kinds.items():
        for number in range(first, first + each):
            random = np.random.default_rng([number, *kind.encode()])
            level = SPEECH_DBFS + random.uniform(-8, 4)
            sound = make(random)
            pcm = (sound / np.abs(sound).max() * 20_000).astype(np.int16)
            noise = at_level(f"{kind} {number + 1}", "noise", "generated", pcm, level)
            yield replace(noise, split=split, kind=kind)


def _door(random: np.random.Generator) -> Float:
    """A thump of low resonances and the rattle after it."""
    time = _seconds(0.6)
    tones = sum(
        random.uniform(0.4, 1) * np.sin(2 * np.pi * hz * time) * np.exp(-time / decay)
        for hz, decay in zip(random.uniform(50, 240, 5), random.uniform(0.04, 0.12, 5), strict=True)
    )
    rattle = random.normal(0, 0.4, len(time)) * np.exp(-time / 0.03)
    return np.asarray(tones + rattle)


def _cough(random: np.random.Generator) -> Float:
    """Two or three bursts of breath through a throat's resonances, without a voice."""
    bursts = []
    for _ in range(int(random.integers(2, 4))):
        time = _seconds(random.uniform(0.15, 0.3))
        breath = random.normal(0, 1, len(time))
        shaped = _resonant(breath, random.uniform(400, 800)) + _resonant(
            breath, random.uniform(1200, 2200)
        )
        rise = np.minimum(time / 0.015, 1) * np.exp(-time / random.uniform(0.04, 0.09))
        bursts += [shaped * rise, np.zeros(round(random.uniform(0.05, 0.2) * RATE_HZ))]
    return np.concatenate(bursts)


def _laugh(random: np.random.Generator) -> Float:
    """Three to seven open vowels, each begun with a breath, falling in pitch and level."""
    hz, formants = random.uniform(140, 380), random.uniform(0.9, 1.15)
    period_s = random.uniform(0.17, 0.24)
    bursts = []
    for number in range(int(random.integers(3, 8))):
        time = _seconds(period_s)
        pitch = hz * 0.95**number * (1 + 0.1 * np.sin(np.pi * time / period_s))
        phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
        pulses = np.sum([np.cos(k * phase) for k in range(1, int(3500 / hz))], axis=0)
        voice = sum(
            _resonant(pulses, formants * at_hz, width=0.12) * gain
            for at_hz, gain in ((750, 1.0), (1250, 0.6), (2600, 0.25))
        )
        voiced = np.clip((time / period_s - 0.35) / 0.1, 0, 1) * np.clip(
            (0.95 - time / period_s) / 0.2, 0, 1
        )
        breath = _resonant(random.normal(0, 1, len(time)), 1500 * formants, width=0.6)
        rise = np.clip(time / 0.03, 0, 1) * np.exp(-time / 0.09)
        loud = 0.88**number
        bursts.append(loud * (voiced * voice / np.abs(voice).max() + 0.35 * rise * breath))
    return np.concatenate(bursts)


def _throat(random: np.random.Generator) -> Float:
    """A throat that is cleared: rough, low, without a pitch that is kept."""
    time = _seconds(random.uniform(0.25, 0.5))
    jitter = np.cumsum(random.normal(0, 14, len(time))) / np.sqrt(np.arange(1, len(time) + 1))
    phase = 2 * np.pi * np.cumsum(random.uniform(60, 110) + jitter) / RATE_HZ
    rough = np.maximum(0, np.cos(phase)) ** 6 * (1 + random.normal(0, 0.8, len(time)))
    shaped = _resonant(rough, random.uniform(450, 650)) + 0.6 * _resonant(
        rough, random.uniform(1300, 1900)
    )
    fade = np.minimum(time / 0.04, 1) * np.minimum((time[-1] - time) / 0.08, 1)
    return np.asarray(shaped * fade)


def _clap(random: np.random.Generator) -> Float:
    """One to four claps of hands."""
    claps = []
    for _ in range(int(random.integers(1, 5))):
        time = _seconds(0.09)
        hand = _resonant(random.normal(0, 1, len(time)), random.uniform(900, 2500))
        claps += [
            hand * np.exp(-time / 0.012),
            np.zeros(round(random.uniform(0.1, 0.35) * RATE_HZ)),
        ]
    return np.concatenate(claps)


def _chord(random: np.random.Generator) -> Float:
    """Three notes of a plucked instrument with their overtones."""
    time = _seconds(random.uniform(0.8, 1.8))
    root = random.uniform(110, 440)
    notes = [root * ratio for ratio in (1.0, random.choice([1.189, 1.26]), 1.498)]
    sound = np.zeros(len(time))
    for hz in notes:
        for overtone in range(1, 7):
            if hz * overtone < RATE_HZ / 2:
                wave = np.sin(2 * np.pi * hz * overtone * time + random.uniform(0, 6.28))
                sound += wave / overtone**1.5 * np.exp(-time * overtone / 0.9)
    return sound * np.minimum(time / 0.01, 1)


def _keys(random: np.random.Generator) -> Float:
    """A few keys of a keyboard, pressed and let go."""
    keys = []
    for _ in range(int(random.integers(4, 10))):
        time = _seconds(0.03)
        click = _resonant(random.normal(0, 1, len(time)), random.uniform(1800, 4500))
        keys += [
            click * np.exp(-time / random.uniform(0.003, 0.007)),
            np.zeros(round(random.uniform(0.03, 0.15) * RATE_HZ)),
        ]
    return np.concatenate(keys)


def _glass(random: np.random.Generator) -> Float:
    """A glass that is touched: high partials that are no overtones of one another."""
    time = _seconds(random.uniform(0.4, 1.0))
    partials = zip(random.uniform(1100, 6500, 6), random.uniform(0.05, 0.35, 6), strict=True)
    ring = sum(
        random.uniform(0.2, 1) * np.sin(2 * np.pi * hz * time) * np.exp(-time / decay)
        for hz, decay in partials
    )
    return np.asarray(ring * np.minimum(time / 0.001, 1))


def _resonant(sound: Float, hz: float, *, width: float = 0.35) -> Float:
    """The part of the sound around a frequency."""
    spectrum = np.fft.rfft(sound)
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    return np.fft.irfft(spectrum * np.exp(-(((frequencies - hz) / (width * hz)) ** 2)), len(sound))


def _seconds(length_s: float) -> Float:
    return np.arange(round(length_s * RATE_HZ)) / RATE_HZ
