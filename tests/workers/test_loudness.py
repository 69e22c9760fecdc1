"""One level for all voices, and no sample beyond full scale."""

import numpy as np
import pytest

from workers.engines.loudness import SPEECH_LEVEL_DBFS, Loudness, speech_level_dbfs

RATE_HZ = 16000


def _tone(amplitude: float, seconds: float = 1.0) -> np.ndarray:
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * 220 * time_s)).astype(np.float32)


@pytest.mark.parametrize("amplitude", [0.01, 0.2, 0.5])
def test_quiet_and_loud_voices_come_to_the_same_level(amplitude: float) -> None:
    speech = np.concatenate([_tone(amplitude), np.zeros(3 * RATE_HZ, np.float32)])
    louder = Loudness.measured(speech, RATE_HZ).apply(speech)
    assert speech_level_dbfs(louder, RATE_HZ) == pytest.approx(SPEECH_LEVEL_DBFS, abs=0.1)


def test_chunks_sound_as_the_whole_does() -> None:
    speech, loudness = _tone(0.9), Loudness(6.0)
    chunks = [loudness.apply(chunk) for chunk in np.split(speech, [100, 5000])]
    assert np.array_equal(np.concatenate(chunks), loudness.apply(speech))


def test_limiter_bends_and_never_exceeds_full_scale() -> None:
    loud = np.linspace(-40, 40, 10001, dtype=np.float32)
    limited = Loudness(0.0).apply(loud)
    assert np.abs(limited).max() <= 1.0
    assert np.all(np.diff(limited) >= 0), "louder stays louder"
    quiet = np.linspace(-0.7, 0.7, 101, dtype=np.float32)
    assert np.array_equal(Loudness(0.0).apply(quiet), quiet)


def test_silence_has_no_level() -> None:
    with pytest.raises(ValueError, match="silence"):
        speech_level_dbfs(np.zeros(RATE_HZ, np.float32), RATE_HZ)
