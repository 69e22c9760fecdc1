"""docs/engines.md shows an engine: it must be one."""

import re
import sys
from types import ModuleType

import numpy as np
import pytest

from parley import paths
from workers import engines
from workers.engines.tts_engine import (
    Cancellation,
    LoadedVoice,
    SpeechRequest,
    SpokenAudio,
    SpokenEnd,
    SpokenWords,
    SynthesisCancelledError,
)


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch) -> LoadedVoice:
    """Of the engine in the documentation, registered as the documentation says."""
    text = (paths.repository() / "docs" / "engines.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (registration,) = re.findall(r'`"hum": "(.*?)"`', text)
    module = ModuleType("workers.engines.hum")
    exec(compile(code, "docs/engines.md", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(engines.ENGINES, "hum", registration)
    return engines.create_engine("hum", threads=1).load("hum", paths.repository())


def test_engine_of_the_documentation_keeps_to_the_interface(voice: LoadedVoice) -> None:
    pieces = list(voice.speak(SpeechRequest(text="one two"), Cancellation()))
    words, *audio, end = pieces
    assert isinstance(words, SpokenWords)
    assert [word.word for word in words.words] == ["one", "two"]
    sound = np.concatenate([piece.samples for piece in audio if isinstance(piece, SpokenAudio)])
    assert sound.dtype == np.float32
    assert end == SpokenEnd(len(sound), 0)
    assert words.words[-1].end_sample == len(sound)


def test_engine_of_the_documentation_can_be_cancelled(voice: LoadedVoice) -> None:
    cancellation = Cancellation()
    pieces = voice.speak(SpeechRequest(text="one two"), cancellation)
    next(pieces)
    cancellation.cancel()
    with pytest.raises(SynthesisCancelledError):
        next(pieces)
