"""A closed mouth and an open one, by their sound."""

import numpy as np
import pytest
from livekit.local_inference import VAD

from agent.turns.hum import DARK_SHARE, is_dark
from tests.workers.speech_sounds import silence, speech

WINDOW = 512


def dark_share(text: str) -> float:
    """Of the windows that voice activity detection takes for speech, in a room's noise."""
    samples = np.concatenate([silence(0.4), 0.3 * speech(text), silence(0.5)]) * 32767
    noisy = (samples + np.random.default_rng(1).normal(0, 18, len(samples))).astype(np.int16)
    windows, vad = noisy[: len(noisy) // WINDOW * WINDOW].reshape(-1, WINDOW), VAD()
    voiced = [window for window in windows if vad.predict(window) >= 0.3]
    return float(np.mean([is_dark(window) for window in voiced]))


@pytest.mark.parametrize("text", ["Mm-hmm.", "Mhm."])
def test_a_hum_is_dark(text: str) -> None:
    assert dark_share(text) >= DARK_SHARE


@pytest.mark.parametrize(
    "text",
    [
        "No.",
        "Whoa.",
        "Mom.",
        "Hello?",
        "Stop.",
        "Wait a moment.",
        "No, no.",
        "One moment.",
        "Monday.",
        "More.",
        "Nine.",
    ],
)
def test_words_are_not(text: str) -> None:
    assert dark_share(text) < DARK_SHARE
