"""The Moonshine engine: loads the manifest's Moonshine models, converted and warm."""

from collections.abc import Mapping
from pathlib import Path

from parley.errors import ConfigurationError
from parley.models import ModelSpec
from workers.engines.asr_engine import DecodeRequest, EngineError, manifest_models
from workers.engines.moonshine.conversion import converted, reference_sound
from workers.engines.moonshine.network import Network
from workers.engines.moonshine.recognizer import LANGUAGE, MoonshineRecognizer
from workers.engines.moonshine.vocabulary import Vocabulary


class MoonshineEngine:
    """English on CPUs. Gives word times to those who ask; hints it cannot use."""

    name = "moonshine"
    word_times = False

    def __init__(self, *, device: str, threads: int) -> None:
        """Raises ConfigurationError for a GPU."""
        if device == "cuda":
            raise ConfigurationError(
                "asr.device (ASR_DEVICE) is cuda, and moonshine computes on CPUs only: set it to "
                "auto or cpu, or asr.adapter to whisper"
            )
        self._threads = threads

    def models(self) -> Mapping[str, ModelSpec]:
        return manifest_models("recognition", self.name)

    def load(self, model: str, folder: Path) -> MoonshineRecognizer:
        """See `AsrEngine.load`; the first time on a machine it converts the model."""
        try:
            vocabulary = Vocabulary(folder / "tokenizer.bin")
            network = Network.load(converted(folder), threads=self._threads)
            sound = reference_sound(folder)
        except (OSError, ValueError) as error:
            raise EngineError(f"{model} cannot be loaded: {error}") from error
        recognizer = MoonshineRecognizer(network, vocabulary)
        recognizer.decode([DecodeRequest(samples=sound, voice=1.0, language=LANGUAGE)])
        return recognizer
