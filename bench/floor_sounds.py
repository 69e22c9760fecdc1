"""The set that tells who wants the floor: interruptions, back-channels and noises, each labeled.

Recorded: phrases of the sentences in a folder of clips, and noises in another. Synthesised by the
speech workers: murmurs and short interruptions, in each voice as it is, higher and lower.
Generated here from random numbers, the same in every run: slams, coughs, claps, chords, and, held
out, keys and glasses too. `bench/floor_split.py` says what the rules were written from.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from bench import floor_split
from bench.floor_split import Split
from bench.synthetic_speech import synthesize
from caller.measure import speech_end, speech_start, window_levels_dbfs
from caller.recordings import sound_files
from parley.audio import Audio, Samples, read_audio
from parley.errors import ConfigurationError
from parley.speech import SpeechPool

RATE_HZ = 16_000
SPEECH_DBFS = -24.0
"""How loud the person is; noises are given theirs."""
FAR_DBFS = -42.0
"""Somebody else in the room."""

Label = Literal["interruption", "backchannel", "noise"]
Origin = Literal["recorded", "synthesized", "generated"]

PHRASE_S = (1.2, 2.4)
MIDDLE = 0.45
"""Where in a sentence its second phrase is looked for."""

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FloorSound:
    """`samples` are int16 at RATE_HZ, from the first audible one on."""

    name: str
    label: Label
    origin: Origin
    samples: Samples
    split: Split = "held_out"

    @property
    def wants_floor(self) -> bool:
        return self.label == "interruption"


def recorded_interruptions(folder: Path) -> Iterator[FloorSound]:
    """Of each sentence its first words, and words from its middle."""
    files = sound_files(folder)
    if not files:
        raise ConfigurationError(
            f"{folder} holds no WAV or FLAC: name with --clips DIR a folder of recorded sentences"
        )
    speakers = floor_split.speakers(folder)
    for file in files:
        split = floor_split.of_speaker(speakers.get(file.name, ""))
        samples = read_audio(file).resampled(RATE_HZ).samples
        said = samples[speech_start(samples, RATE_HZ) : speech_end(samples, RATE_HZ)]
        first = _sound(f"{file.stem} first words", "interruption", "recorded", _phrase(said))
        yield replace(first, split=split)
        middle = said[_quietest(said, MIDDLE) :]
        middle = middle[speech_start(middle, RATE_HZ) :]
        if len(middle) > PHRASE_S[0] * RATE_HZ:
            later = _sound(f"{file.stem} middle", "interruption", "recorded", _phrase(middle))
            yield replace(later, split=split)


def recorded_noises(folder: Path) -> Iterator[FloorSound]:
    """Cuts of each file, near and farther away; people who talk only far away."""
    for file in sound_files(folder):
        samples = read_audio(file).resampled(RATE_HZ).samples
        people = "people" in file.stem
        length = round((2.4 if people else 1.6) * RATE_HZ)
        for number, start in enumerate(range(0, len(samples) - length + 1, length)):
            cut = samples[start : start + length]
            for dbfs in (FAR_DBFS,) if people else (SPEECH_DBFS, SPEECH_DBFS - 10):
                name = f"{file.stem} {number + 1} at {dbfs:.0f} dBFS"
                sound = _sound(name, "noise", "recorded", cut, dbfs)
                yield replace(sound, split=floor_split.of_noise(file.stem))


async def synthesized(pool: SpeechPool, voice: str, split: Split) -> list[FloorSound]:
    """Murmurs and short interruptions of one part, in each of its pitches; raises SpeechError."""
    murmurs, interruptions, pitches = _PHRASES[split]
    labeled = [("backchannel", text) for text in murmurs]
    labeled += [("interruption", text) for text in interruptions]
    sounds = []
    for label, text in labeled:
        spoken = (await synthesize(pool, text, voice=voice)).resampled(RATE_HZ)
        said = spoken.samples[
            speech_start(spoken.samples, RATE_HZ) : speech_end(spoken.samples, RATE_HZ)
        ]
        for pitch in pitches:
            shifted = Audio(said, round(RATE_HZ * pitch)).resampled(RATE_HZ).samples
            sound = _sound(f"{text} {voice} ×{pitch}", label, "synthesized", shifted)  # type: ignore[arg-type]
            sounds.append(replace(sound, split=split))
    return sounds


_PHRASES: dict[Split, tuple[tuple[str, ...], tuple[str, ...], tuple[float, ...]]] = {
    "tuned": (
        floor_split.TUNED_MURMURS,
        floor_split.TUNED_INTERRUPTIONS,
        floor_split.TUNED_PITCHES,
    ),
    "held_out": (
        floor_split.HELD_OUT_MURMURS,
        floor_split.HELD_OUT_INTERRUPTIONS,
        floor_split.HELD_OUT_PITCHES,
    ),
}


def generated_noises(each: int, split: Split) -> Iterator[FloorSound]:
    """So many of each kind, no two alike; two kinds are held out altogether."""
    kinds: dict[str, Callable[[np.random.Generator], Float]] = {
        "door": _door,
        "cough": _cough,
        "clap": _clap,
        "chord": _chord,
    }
    if split == "held_out":
        kinds |= {"keys": _keys, "glass": _glass}
    first = floor_split.HELD_OUT_SEED if split == "held_out" else 0
    for kind, make in kinds.items():
        for number in range(first, first + each):
            random = np.random.default_rng([number, *kind.encode()])
            level = SPEECH_DBFS + random.uniform(-8, 4)
            sound = make(random)
            pcm = (sound / np.abs(sound).max() * 20_000).astype(np.int16)
            noise = _sound(f"{kind} {number + 1}", "noise", "generated", pcm, level)
            yield replace(noise, split=split)


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


def _phrase(said: Samples) -> Samples:
    """The beginning of speech, ended at its quietest moment within PHRASE_S."""
    shortest, longest = (round(seconds * RATE_HZ) for seconds in PHRASE_S)
    if len(said) <= shortest:
        return said
    levels = window_levels_dbfs(said[shortest:longest], RATE_HZ)
    window = RATE_HZ // 100
    return said[: shortest + (int(np.argmin(levels)) + 1) * window] if len(levels) else said


def _quietest(said: Samples, share: float) -> int:
    """The quietest sample around that share of the speech: between two words, mostly."""
    around = round(share * len(said))
    reach = round(0.6 * RATE_HZ)
    start = max(around - reach, 0)
    levels = window_levels_dbfs(said[start : around + reach], RATE_HZ)
    return start + int(np.argmin(levels)) * (RATE_HZ // 100)


def _sound(
    name: str, label: Label, origin: Origin, samples: Samples, dbfs: float = SPEECH_DBFS
) -> FloorSound:
    """At the level: RMS over its loud half, so that silence in it does not count."""
    scaled = samples.astype(np.float64)
    levels = window_levels_dbfs(samples, RATE_HZ)
    heard = levels[np.isfinite(levels)]
    loud = 10 * np.log10(np.mean(10 ** (heard[heard >= np.median(heard)] / 10)))
    scaled *= 10 ** ((dbfs - loud) / 20)
    return FloorSound(name, label, origin, np.clip(scaled, -32768, 32767).astype(np.int16))
