"""The recordings that ship with the caller, and reading any folder of recordings.

Every command that needs somebody to speak uses the bundled ones unless it is given a folder.
caller/clips/README.md says where they come from and under which licenses.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from parley.audio import read_audio
from parley.errors import ConfigurationError

SAMPLE_RATE_HZ = 16_000
TRANSCRIPTS = "transcripts.tsv"

SPEECH = Path(__file__).resolve().parent / "clips" / "speech"
"""Sentences of several speakers as FLAC, and `transcripts.tsv` with their words."""
NOISES = SPEECH.with_name("noise")
"""Sounds in which nobody says anything to the agent, as FLAC."""

FloatSamples = npt.NDArray[np.float32]
"""Full scale at ±1, shape [n], at SAMPLE_RATE_HZ."""


@dataclass(frozen=True)
class Clip:
    """A recording; `transcript` is what is said in it, empty for a noise."""

    name: str
    samples: FloatSamples
    transcript: str
    speaker: str = ""
    """Empty: not known."""

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


def sound_files(folder: Path) -> list[Path]:
    """The WAV and FLAC files of a folder in order; none where it is not there."""
    return sorted(file for file in folder.glob("*") if file.suffix.lower() in (".wav", ".flac"))


def read_clips(folder: Path = SPEECH) -> list[Clip]:
    """The clips that `transcripts.tsv` (columns file, transcript, and speaker where it is known)
    in the folder names.

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
        Clip(
            row["file"],
            read_samples(folder / row["file"]),
            row["transcript"],
            row.get("speaker") or "",
        )
        for row in rows
    ]


def read_noises(folder: Path = NOISES) -> list[Clip]:
    """The WAV and FLAC files of a folder in which nobody says anything; none where it is not
    there. Raises AudioFileError for a file that is no sound."""
    return [Clip(file.stem, read_samples(file), "") for file in sound_files(folder)]


def read_samples(file: Path) -> FloatSamples:
    """The sound at SAMPLE_RATE_HZ; raises AudioFileError."""
    samples = read_audio(file).resampled(SAMPLE_RATE_HZ).samples
    return samples.astype(np.float32) / np.float32(32768)
