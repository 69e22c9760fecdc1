"""Mono PCM: files in and out, resampling, level."""

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from parley.errors import AudioFileError

Samples = npt.NDArray[np.int16]

SILENCE_DBFS = -60.0
"""Below this level a whole recording counts as silent."""


@dataclass(frozen=True)
class Audio:
    """Mono sound: `samples` is int16 of shape [n] at `sample_rate_hz`."""

    samples: Samples
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz

    @property
    def level_dbfs(self) -> float:
        """RMS level relative to full scale; -inf for digital silence."""
        return level_dbfs(self.samples)

    def resampled(self, sample_rate_hz: int) -> "Audio":
        if sample_rate_hz == self.sample_rate_hz:
            return self
        resampled = soxr.resample(self.samples, self.sample_rate_hz, sample_rate_hz)
        return Audio(np.asarray(resampled, dtype=np.int16), sample_rate_hz)

    def wav(self) -> bytes:
        """The sound as a 16-bit WAV file."""
        file = io.BytesIO()
        soundfile.write(file, self.samples, self.sample_rate_hz, format="WAV", subtype="PCM_16")
        return file.getvalue()


def level_dbfs(samples: Samples) -> float:
    """RMS of int16 samples relative to full scale; -inf for none or digital silence."""
    if not len(samples):
        return -np.inf
    values = samples.astype(np.float64)
    power = float(values @ values) / len(values)
    return 10 * math.log10(power / 32768**2) if power > 0 else -math.inf


def read_audio(path: Path) -> Audio:
    """Reads WAV, FLAC or whatever else libsndfile knows, mixed down to mono, at its own rate.

    Raises AudioFileError when the file is missing, is no audio, is empty, has no sample rate,
    or is silent throughout.
    """
    if not path.is_file():
        raise AudioFileError(f"{path}: no such file")
    try:
        data, sample_rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError) as error:
        raise AudioFileError(f"{path}: not readable as audio ({error})") from None
    if sample_rate_hz <= 0:
        raise AudioFileError(f"{path}: its sample rate is {sample_rate_hz} Hz")
    if not len(data):
        raise AudioFileError(f"{path}: holds no samples")
    mono = np.nan_to_num(data.mean(axis=1))
    samples = (np.clip(mono, -1.0, 1.0) * 32767).astype(np.int16)
    if level_dbfs(samples) < SILENCE_DBFS:
        raise AudioFileError(f"{path}: is silent (below {SILENCE_DBFS:.0f} dBFS throughout)")
    return Audio(samples, sample_rate_hz)
