"""A closed mouth and an open one, by their sound."""

import numpy as np
import pytest

from agent.turns.hum import DARK_SHARE, is_dark
from tests.workers.speech_sounds import speech

WINDOW = 512


def dark_share(text: str) -> float:
    """Of the loud windows."""
    samples = (speech(text) * 32767).astype(np.int16)
    windows = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW)
    levels = (windows.astype(float) ** 2).mean(axis=1)
    return float(np.mean([is_dark(window) for window in windows[levels > levels.max() / 100]]))


@pytest.mark.parametrize("text", ["Mm-hmm.", "Mhm.", "Hmm."])
def test_a_hum_is_dark(text: str) -> None:
    assert dark_share(text) >= DARK_SHARE


@pytest.mark.parametrize("text", ["No.", "Whoa.", "Mom.", "Hello?", "Stop.", "Wait a moment."])
def test_words_are_not(text: str) -> None:
    assert dark_share(text) < DARK_SHARE
