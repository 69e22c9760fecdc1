"""The Whisper engine: loads the manifest's Whisper models, warm."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from parley.models import ModelSpec
from workers.engines.asr_engine import SAMPLE_RATE_HZ, DecodeRequest, manifest_models
from workers.engines.whisper.recognizer import WhisperRecognizer

_KEPT_KERNELS = "16"
"""oneDNN keeps what it has compiled for each length of sound, 1,024 by default: hundreds of MB, for
no length comes twice."""


class WhisperEngine:
    """Gives word times to those who ask."""

    name = "whisper"
    word_times = False

    def __init__(self, *, device: str, threads: int) -> None:
        self._device = device
        self._threads = threads

    def models(self) -> Mapping[str, ModelSpec]:
        return manifest_models("recognition", "whisper")

    def load(self, model: str, folder: Path) -> WhisperRecognizer:
        """See `AsrEngine.load`: the first decode is slower than those that follow."""
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _KEPT_KERNELS)
        recognizer = WhisperRecognizer(folder, device=self._device, threads=self._threads)
        silence = np.zeros(SAMPLE_RATE_HZ, np.float32)
        language = recognizer.languages[0]
        recognizer.decode([DecodeRequest(samples=silence, voice=1.0, language=language)])
        return recognizer


class WhisperXEngine(WhisperEngine):
    """Gives word times to all."""

    word_times = True
