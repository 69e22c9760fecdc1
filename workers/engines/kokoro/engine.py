"""The Kokoro engine: voices that share one network in memory."""

import threading
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from parley.models import ModelSpec
from workers.engines.kokoro.cutting import cut_graphs
from workers.engines.kokoro.network import SAMPLE_RATE_HZ, KokoroNetwork
from workers.engines.kokoro.phonemes import phonemizer
from workers.engines.kokoro.speaking import Character, KokoroSpeech
from workers.engines.kokoro.styles import read_styles, speaker
from workers.engines.loudness import Loudness
from workers.engines.tts_engine import (
    Cancellation,
    EngineError,
    LoadedVoice,
    SpeechPiece,
    SpeechRequest,
    SpokenAudio,
    manifest_models,
)

_REFERENCE_TEXT = "One, two, three, four, five."


class KokoroVoice:
    """Speaks in growing chunks; the same samples for the same request, whatever its seed."""

    reproducible = True
    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(self, network: KokoroNetwork, character: Character) -> None:
        self._network: KokoroNetwork | None = network
        self._character = character

    def speak(self, request: SpeechRequest, cancellation: Cancellation) -> Iterator[SpeechPiece]:
        if self._network is None:
            raise EngineError("the voice was unloaded")
        options = onnxruntime.RunOptions()
        pieces = KokoroSpeech(self._network, self._character, request, options).pieces()
        yield from cancellation.until_cancelled(
            pieces, abort=lambda: setattr(options, "terminate", True)
        )

    def close(self) -> None:
        self._network = None


class KokoroEngine:
    """The network leaves memory with the last voice that speaks with it."""

    name = "kokoro"
    device = "cpu"

    def __init__(self, *, threads: int) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._networks: weakref.WeakValueDictionary[Path, KokoroNetwork] = (
            weakref.WeakValueDictionary()
        )

    def voices(self) -> Mapping[str, ModelSpec]:
        return manifest_models("voice", self.name)

    def load(self, voice: str, folder: Path) -> LoadedVoice:
        """See `TtsEngine.load`; the first time on a machine it cuts the network."""
        who = speaker(voice)
        network = self._network(folder / "model.onnx")
        character = Character(
            read_styles(who), phonemizer(british=who.british), Loudness(gain_db=0.0)
        )
        return KokoroVoice(network, _leveled(network, character))

    def _network(self, model: Path) -> KokoroNetwork:
        with self._lock:
            network = self._networks.get(model)
            if network is None:
                network = KokoroNetwork(cut_graphs(model), threads=self._threads)
                self._networks[model] = network
            return network


def _leveled(network: KokoroNetwork, character: Character) -> Character:
    """The character at the common level, measured on what it says first."""
    spoken = KokoroVoice(network, character).speak(
        SpeechRequest(text=_REFERENCE_TEXT), Cancellation()
    )
    sound = np.concatenate([piece.samples for piece in spoken if isinstance(piece, SpokenAudio)])
    loudness = Loudness.measured(sound, SAMPLE_RATE_HZ)
    return Character(character.styles, character.phonemizer, loudness)
