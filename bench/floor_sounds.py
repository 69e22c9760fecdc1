"""The set that tells who wants the floor: interruptions, back-channels and noises, each labeled.

Recorded: phrases of the sentences in a folder of clips, and noises in another. Synthesised by the
speech workers: murmurs and short interruptions, in each voice as it is, higher and lower. Brought
along: a folder of any of these, of voices that Parley has no adapter for, or of people.
`bench/made_noises.py` makes more noises; `bench/floor_split.py` says what the rules were written
from.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from bench import floor_split
from bench.floor_split import Phrases, Split
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
Origin = Literal["recorded", "synthesized", "generated", "brought"]
_LABELS: dict[str, Label] = {each: each for each in get_args(Label)}
SOUNDS = "sounds.tsv"

PHRASE_S = (1.2, 2.4)
MIDDLE = 0.45
"""Where in a sentence its second phrase is looked for."""


@dataclass(frozen=True)
class FloorSound:
    """`samples` are int16 at RATE_HZ, from the first audible one on."""

    name: str
    label: Label
    origin: Origin
    samples: Samples
    split: Split = "held_out"
    kind: str = ""
    """Of its label: "hum", "assessment", "short"; "cough"."""
    voice: str = ""

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
        first = at_level(f"{file.stem} first words", "interruption", "recorded", _phrase(said))
        yield replace(first, split=split, kind="sentence", voice=speakers.get(file.name, ""))
        middle = said[_quietest(said, MIDDLE) :]
        middle = middle[speech_start(middle, RATE_HZ) :]
        if len(middle) > PHRASE_S[0] * RATE_HZ:
            later = at_level(f"{file.stem} middle", "interruption", "recorded", _phrase(middle))
            yield replace(later, split=split, kind="sentence", voice=speakers.get(file.name, ""))


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
                sound = at_level(name, "noise", "recorded", cut, dbfs)
                split = floor_split.of_noise(file.stem)
                yield replace(sound, split=split, kind=file.stem)


async def synthesized(pool: SpeechPool, voice: str, split: Split) -> list[FloorSound]:
    """Murmurs and short interruptions of one part, in each of its pitches; raises SpeechError."""
    murmurs, interruptions, pitches = _PHRASES[split]
    by_label: tuple[tuple[Label, Phrases], ...] = (
        ("backchannel", murmurs),
        ("interruption", interruptions),
    )
    labeled = [
        (label, kind, text)
        for label, phrases in by_label
        for kind, texts in phrases.items()
        for text in texts
    ]
    sounds = []
    for label, kind, text in labeled:
        spoken = (await synthesize(pool, text, voice=voice)).resampled(RATE_HZ)
        said = spoken.samples[
            speech_start(spoken.samples, RATE_HZ) : speech_end(spoken.samples, RATE_HZ)
        ]
        for pitch in pitches:
            shifted = Audio(said, round(RATE_HZ * pitch)).resampled(RATE_HZ).samples
            sound = at_level(f"{text} {voice} ×{pitch}", label, "synthesized", shifted)
            sounds.append(replace(sound, split=split, kind=kind, voice=voice))
    return sounds


_PHRASES: dict[Split, tuple[Phrases, Phrases, tuple[float, ...]]] = {
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


def brought_sounds(folder: Path) -> Iterator[FloorSound]:
    """Those that `sounds.tsv` in the folder lists: columns file, label ("interruption",
    "backchannel", "noise"), class, split ("tuned", "held_out"), voice and text. Raises
    ConfigurationError for a folder without it, AudioFileError for a file that is no sound."""
    table = folder / SOUNDS
    if not table.is_file():
        raise ConfigurationError(f"{folder} holds no {SOUNDS}: see docs/bench.md for its columns")
    with table.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            samples = read_audio(folder / row["file"]).resampled(RATE_HZ).samples
            said = samples[speech_start(samples, RATE_HZ) : speech_end(samples, RATE_HZ)]
            label = _LABELS[row["label"]]
            name = f"{row['text']} {row['voice']}".strip() or row["file"]
            yield replace(
                at_level(name, label, "brought", said),
                split="tuned" if row["split"] == "tuned" else "held_out",
                kind=row["class"],
                voice=row["voice"],
            )


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


def at_level(
    name: str, label: Label, origin: Origin, samples: Samples, dbfs: float = SPEECH_DBFS
) -> FloorSound:
    """At the level: RMS over its loud half, so that silence in it does not count."""
    scaled = samples.astype(np.float64)
    levels = window_levels_dbfs(samples, RATE_HZ)
    heard = levels[np.isfinite(levels)]
    loud = 10 * np.log10(np.mean(10 ** (heard[heard >= np.median(heard)] / 10)))
    scaled *= 10 ** ((dbfs - loud) / 20)
    return FloorSound(name, label, origin, np.clip(scaled, -32768, 32767).astype(np.int16))
