"""The Piper engine: loads voices in stages, or whole where they cannot be cut."""

import logging
from collections.abc import Mapping
from pathlib import Path

from parley.errors import FetchError
from parley.models import ModelSpec
from workers.engines.piper.cutting import cut_voice
from workers.engines.piper.full import FullVoice
from workers.engines.piper.phonemes import Phonemizer
from workers.engines.piper.voice import StagedVoice
from workers.engines.tts_engine import (
    Cancellation,
    EngineError,
    LoadedVoice,
    SpeechRequest,
    manifest_models,
)

_log = logging.getLogger(__name__)

_WARM_UP_TEXT = "One, two, three, four, five."


class PiperEngine:
    """Voices whose folder holds `model.onnx` and `config.json`."""

    name = "piper"
    device = "cpu"

    def __init__(self, *, threads: int) -> None:
        self._threads = threads

    def voices(self) -> Mapping[str, ModelSpec]:
        return manifest_models("voice", self.name)

    def load(self, voice: str, folder: Path) -> LoadedVoice:
        phonemizer = Phonemizer(folder / "config.json")
        loaded = self._staged(voice, folder / "model.onnx", phonemizer)
        for _ in loaded.speak(SpeechRequest(text=_WARM_UP_TEXT), Cancellation()):
            pass
        return loaded

    def _staged(self, voice: str, model: Path, phonemizer: Phonemizer) -> LoadedVoice:
        try:
            cut = cut_voice(model, phonemizer)
        except FetchError as error:
            cut = str(error)
        except OSError as error:
            raise EngineError(f"{model} cannot be read: {error}") from None
        if isinstance(cut, str):
            _log.warning("voice %s speaks from its full graph, several times later: %s", voice, cut)
            return FullVoice(model, phonemizer, threads=self._threads)
        return StagedVoice(cut, phonemizer, threads=self._threads)
