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
FloatSamples = npt.NDArray[np.float32]

SILENCE_DBFS = -60.0
"""A recording whose loudest moments are below this level counts as silent."""
_DIGITAL_SILENCE_DBFS = -80.0
_QUIET_DBFS, _RAISED_DBFS = -35.0, -20.0
"""Speech at its usual level is at -20 in its loudest moments. What is quieter than -35 is raised
before it becomes 16 bits: 24-bit and float files lose nothing, whatever their level."""

_BLOCK_S = 0.05
_LOUD_BLOCKS = 5
_LOUD_SHARE = 0.01
_CANCELLED_SHARE = 0.05
"""A mix of channels that have nothing in common has as much power as they have together."""


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
    """Reads WAV, FLAC or whatever else libsndfile knows, as mono at its own rate.

    Raises AudioFileError when the file is missing, is no audio, is empty, has no sample rate,
    or is silent throughout.
    """
    sound, sample_rate_hz = _read_mono(path)
    if loudest_dbfs(sound, sample_rate_hz) < SILENCE_DBFS:
        raise _silent(path, SILENCE_DBFS)
    return Audio(_whole_numbers(sound), sample_rate_hz)


def read_quiet_audio(path: Path) -> Audio:
    """As `read_audio`, for who wants the words and not the level: a quiet recording is raised to
    that of usual speech, and silence is only what no microphone would be as quiet as."""
    sound, sample_rate_hz = _read_mono(path)
    if loudest_dbfs(sound, sample_rate_hz) < _DIGITAL_SILENCE_DBFS:
        raise _silent(path, _DIGITAL_SILENCE_DBFS)
    steady = sound - sound.mean()
    level = loudest_dbfs(steady, sample_rate_hz)
    if _DIGITAL_SILENCE_DBFS <= level < _QUIET_DBFS:
        sound = steady * np.float32(10 ** ((_RAISED_DBFS - level) / 20))
    return Audio(_whole_numbers(sound), sample_rate_hz)


def loudest_dbfs(sound: FloatSamples, sample_rate_hz: int) -> float:
    """RMS of the loudest moments of a sound (full scale at ±1), of a fourth of a second together:
    silence around a word counts as little as a click. -inf for digital silence."""
    powers = np.sort(_block_powers(sound, sample_rate_hz))
    power = float(powers[-min(_LOUD_BLOCKS, len(powers))])
    return 10 * math.log10(power) if power > 0 else -math.inf


def mixed_down(channels: FloatSamples, sample_rate_hz: int) -> FloatSamples:
    """One channel of shape [n] out of [n, channels], in which nothing cancels out.

    Each channel is added with the polarity that makes the sum louder: with channels of opposite
    phase nothing would be left. Where a moment is lost all the same (one channel holds the
    difference of the others), the loudest channel is taken alone.
    """
    if channels.shape[1] == 1:
        return channels[:, 0]
    steady = channels - channels.mean(axis=0)
    by_loudness = np.argsort(-np.square(steady).sum(axis=0))
    total = np.zeros(len(channels), np.float32)
    for number in by_loudness:
        total += -steady[:, number] if total @ steady[:, number] < 0 else steady[:, number]
    powers = sum(_block_powers(channel, sample_rate_hz) for channel in steady.T)
    is_loud = powers > np.max(powers) * _LOUD_SHARE
    if np.any(is_loud & (_block_powers(total, sample_rate_hz) < powers * _CANCELLED_SHARE)):
        return channels[:, by_loudness[0]]
    return total / np.float32(channels.shape[1])


def _block_powers(sound: FloatSamples, sample_rate_hz: int) -> npt.NDArray[np.float64]:
    """Mean square of each block of 50 ms; of the whole where it is shorter."""
    length = min(len(sound), max(1, round(_BLOCK_S * sample_rate_hz)))
    blocks = sound[: len(sound) // length * length].reshape(-1, length)
    powers: npt.NDArray[np.float64] = np.square(blocks).mean(axis=1, dtype=np.float64)
    return powers


def _read_mono(path: Path) -> tuple[FloatSamples, int]:
    try:
        is_there = path.is_file()
    except OSError as error:  # a name that is too long, a folder that is closed
        raise AudioFileError(f"{str(path)[:200]}: {error.strerror}") from None
    if not is_there:
        raise AudioFileError(f"{path}: no such file")
    try:
        data, sample_rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError) as error:
        raise AudioFileError(f"{path}: not readable as audio ({error})") from None
    if sample_rate_hz <= 0:
        raise AudioFileError(f"{path}: its sample rate is {sample_rate_hz} Hz")
    if not len(data):
        raise AudioFileError(f"{path}: holds no samples")
    return mixed_down(np.clip(np.nan_to_num(data), -1, 1), sample_rate_hz), sample_rate_hz


def _whole_numbers(sound: FloatSamples) -> Samples:
    return (np.clip(sound, -1.0, 1.0) * 32767).astype(np.int16)


def _silent(path: Path, limit_dbfs: float) -> AudioFileError:
    return AudioFileError(f"{path}: is silent (below {limit_dbfs:.0f} dBFS throughout)")
