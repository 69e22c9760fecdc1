"""Reading recordings: nothing cancels out, and the quiet are raised where only words count."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from caller.recordings import SAMPLE_RATE_HZ, read_clips
from parley.audio import (
    Audio,
    FloatSamples,
    level_dbfs,
    loudest_dbfs,
    read_audio,
    read_quiet_audio,
)
from parley.errors import AudioFileError

Channels = Callable[[FloatSamples, FloatSamples], list[FloatSamples]]


def silence(like: FloatSamples) -> FloatSamples:
    return np.zeros_like(like)


def other_phase_later(said: FloatSamples) -> FloatSamples:
    half = len(said) // 2
    return np.concatenate([said[:half], -said[half:]])


MIXES: dict[str, Channels] = {
    "opposite": lambda one, _: [one, -one],
    "opposite and quieter": lambda one, _: [one, -0.6 * one],
    "opposite pairs of two people": lambda one, other: [one, -one, other, -other],
    "opposite from the middle on": lambda one, _: [one, other_phase_later(one)],
    "sum and difference": lambda one, other: [(one + other) / 2, (one - other) / 2],
    "surround with speech in one": lambda one, _: [*[silence(one)] * 4, one, silence(one)],
    "a dead channel with an offset": lambda one, _: [np.full_like(one, 0.25), one],
    "two people on two channels": lambda one, other: [one, other],
    "a channel of no numbers": lambda one, _: [np.full_like(one, np.nan), one],
}

OF_TWO = ("opposite pairs of two people", "sum and difference", "two people on two channels")


@pytest.fixture(scope="module")
def people() -> tuple[FloatSamples, FloatSamples]:
    """Two people at the same level, one after the other, in sounds of the same length."""
    first, second = (clip for clip in read_clips() if clip.name[:4] in ("1998", "2414"))
    length = len(first.samples) + len(second.samples)
    one, other = np.zeros((2, length), np.float32)
    one[: len(first.samples)] = first.samples
    other[len(first.samples) :] = second.samples
    return at_level(one, -26), at_level(other, -26)


def at_level(sound: FloatSamples, dbfs: float) -> FloatSamples:
    gain = 10 ** ((dbfs - loudest_dbfs(sound, SAMPLE_RATE_HZ)) / 20)
    return sound * np.float32(gain)


def written(folder: Path, *channels: FloatSamples, subtype: str = "FLOAT") -> Path:
    file = folder / "recording.wav"
    soundfile.write(file, np.stack(channels, axis=1), SAMPLE_RATE_HZ, subtype=subtype)
    return file


def likeness(audio: Audio, said: FloatSamples) -> float:
    """Of the sound to what was said, where it was said; 1 is the same but for its level."""
    spoken = np.abs(said) > 0
    heard = np.abs(audio.samples[spoken].astype(np.float32))  # nobody hears a polarity
    return float(np.corrcoef(heard, np.abs(said[spoken]))[0, 1])


@pytest.mark.parametrize("name", sorted(MIXES))
def test_nobody_is_lost_in_the_mix(
    tmp_path: Path, people: tuple[FloatSamples, FloatSamples], name: str
) -> None:
    one, other = people
    channels = MIXES[name](one, other)
    audio = read_audio(written(tmp_path, *channels))
    assert likeness(audio, one) > 0.95
    if name in OF_TWO:
        assert likeness(audio, other) > 0.95


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("dbfs", [-45.0, -52.0, -63.0])
def test_quiet_speech_is_raised_to_that_of_usual_speech(
    tmp_path: Path, people: tuple[FloatSamples, FloatSamples], dbfs: float, subtype: str
) -> None:
    said = at_level(people[0], dbfs)
    audio = read_quiet_audio(written(tmp_path, said, subtype=subtype))
    raised = audio.samples.astype(np.float32) / 32768
    assert loudest_dbfs(raised, audio.sample_rate_hz) == pytest.approx(-20, abs=1)
    assert likeness(audio, said) > 0.9


def test_quiet_speech_on_an_offset_is_raised(
    tmp_path: Path, people: tuple[FloatSamples, FloatSamples]
) -> None:
    said = at_level(people[0], -45)
    audio = read_quiet_audio(written(tmp_path, said + np.float32(0.2)))
    assert likeness(audio, said) > 0.9
    assert level_dbfs(audio.samples) < -20


def test_one_quiet_word_after_a_minute_of_silence_is_no_silent_file(tmp_path: Path) -> None:
    word = at_level(read_clips()[0].samples[:SAMPLE_RATE_HZ], -50)
    sound = np.concatenate([np.zeros(60 * SAMPLE_RATE_HZ, np.float32), word])
    audio = read_audio(written(tmp_path, sound))
    assert level_dbfs(audio.samples) < -60
    assert audio.duration_s == 61


def test_a_click_does_not_keep_speech_quiet(
    tmp_path: Path, people: tuple[FloatSamples, FloatSamples]
) -> None:
    said = at_level(people[0], -45)
    clicked = said.copy()
    clicked[1000:1016] = 0.9
    raised = read_quiet_audio(written(tmp_path, clicked))
    assert level_dbfs(raised.samples[SAMPLE_RATE_HZ:]) > -40


def test_what_is_loud_enough_stays_as_it_is(tmp_path: Path) -> None:
    said = read_clips()[0].samples
    file = written(tmp_path, said, subtype="PCM_16")
    assert np.array_equal(read_quiet_audio(file).samples, read_audio(file).samples)


@pytest.mark.parametrize("dbfs", [-np.inf, -95.0, -85.0])
def test_silence_stays_silence(tmp_path: Path, dbfs: float) -> None:
    noise = np.random.default_rng(1).normal(0, 10 ** (dbfs / 20), SAMPLE_RATE_HZ)
    file = written(tmp_path, noise.astype(np.float32))
    for read in (read_audio, read_quiet_audio):
        with pytest.raises(AudioFileError, match="is silent"):
            read(file)
