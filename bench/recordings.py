"""Recordings to benchmark with: clips whose words are known, and noises without any."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parley import paths
from parley.audio import read_audio
from parley.errors import ConfigurationError
from workers.engines.tts_engine import FloatSamples

SAMPLE_RATE_HZ = 16000
TRANSCRIPTS = "transcripts.tsv"


@dataclass(frozen=True)
class Clip:
    """`samples` at 16 kHz, full scale at ±1; `transcript` is what is said in them."""

    name: str
    samples: FloatSamples
    transcript: str

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


def shared(name: str) -> Path:
    """The folder of that name among the recordings beside the checkout."""
    return paths.repository().parent / "shared" / name


def sound_files(folder: Path) -> list[Path]:
    """The WAV and FLAC files of a folder in order; none where it is not there."""
    return sorted(file for file in folder.glob("*") if file.suffix.lower() in (".wav", ".flac"))


def read_clips(folder: Path) -> list[Clip]:
    """The clips that `transcripts.tsv` (columns file, transcript) in the folder names.

    Raises ConfigurationError where there are none, AudioFileError for a clip that is no sound.
    """
    table = folder / TRANSCRIPTS
    if not table.is_file():
        raise ConfigurationError(
            f"{folder} holds no {TRANSCRIPTS}: name with --clips DIR a folder of recordings with "
            f"their words, a tab-separated {TRANSCRIPTS} with the columns file and transcript"
        )
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    if not rows or not {"file", "transcript"} <= rows[0].keys():
        raise ConfigurationError(f"{table}: no rows with the columns file and transcript")
    return [
        Clip(row["file"], read_samples(folder / row["file"]), row["transcript"]) for row in rows
    ]


def read_noises(folder: Path) -> list[Clip]:
    """The WAV files of a folder in which nobody says anything; none where it is not there."""
    return [Clip(file.stem, read_samples(file), "") for file in sorted(folder.glob("*.wav"))]


def read_samples(file: Path) -> FloatSamples:
    samples = read_audio(file).resampled(SAMPLE_RATE_HZ).samples
    return samples.astype(np.float32) / np.float32(32768)
