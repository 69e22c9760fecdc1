"""What interrupts the agent: the first words of recorded sentences, from their first sound on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from caller.measure import speech_end, speech_start, window_levels_dbfs
from caller.microphone import SAMPLE_RATE_HZ
from caller.recordings import sound_files
from parley.audio import Audio, read_audio
from parley.errors import ConfigurationError

SHORTEST_S = 1.0
LONGEST_S = 1.7
LEAD_S = 0.02
"""Kept before the first sound, so that it is not cut into."""
LEVEL_DBFS = -24.0
FADE_S = 0.02


@dataclass(frozen=True)
class InterruptingClip:
    """`audio` at the microphone's rate; speech begins at its sample `onset`."""

    name: str
    audio: Audio
    onset: int


def interrupting_clips(folder: Path) -> list[InterruptingClip]:
    """Of each WAV or FLAC in the folder its first words; raises ConfigurationError for none,
    AudioFileError for a file that is no sound."""
    files = sound_files(folder)
    if not files:
        raise ConfigurationError(
            f"{folder} holds no WAV or FLAC: name with --clips DIR a folder of recorded sentences"
        )
    return [first_words(file.name, read_audio(file)) for file in files]


def first_words(name: str, recording: Audio) -> InterruptingClip:
    """The beginning of a sentence, ended at its quietest moment between SHORTEST_S and LONGEST_S;
    all sentences at one level."""
    samples = recording.resampled(SAMPLE_RATE_HZ).samples
    onset = speech_start(samples, SAMPLE_RATE_HZ)
    lead = min(onset, round(LEAD_S * SAMPLE_RATE_HZ))
    said = samples[onset - lead : speech_end(samples, SAMPLE_RATE_HZ)]
    window = round(0.01 * SAMPLE_RATE_HZ)
    levels = window_levels_dbfs(said[: round(LONGEST_S * SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ)
    shortest = round(SHORTEST_S / 0.01)
    if len(levels) > shortest:
        said = said[: (shortest + int(np.argmin(levels[shortest:])) + 1) * window]
    scaled = said.astype(np.float64)
    rms = np.sqrt(np.mean(np.square(scaled)))
    scaled *= 32768 * 10 ** (LEVEL_DBFS / 20) / rms
    fade = min(round(FADE_S * SAMPLE_RATE_HZ), len(scaled))
    scaled[-fade:] *= np.linspace(1, 0, fade)
    return InterruptingClip(
        name, Audio(np.clip(scaled, -32768, 32767).astype(np.int16), SAMPLE_RATE_HZ), lead
    )
