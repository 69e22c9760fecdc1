"""Which device Whisper computes on, and with which numbers."""

import logging
from pathlib import Path

import ctranslate2
from faster_whisper import WhisperModel

from parley.errors import ConfigurationError, ModelError

_log = logging.getLogger(__name__)

_COMPUTE_TYPES = {
    "cuda": ("float16", "int8_float16", "int8", "float32"),  # whatever the card can, best first
    "cpu": ("int8", "float32"),
}


def load_model(folder: Path, *, device: str, threads: int) -> WhisperModel:
    """Loads the model in `folder` on `device` (auto, cpu or cuda).

    auto takes a GPU that works. Raises ConfigurationError when cuda is asked for and is not
    there, ModelError when the files are no model.
    """
    if device == "cpu":
        return _load(folder, "cpu", threads)
    if not ctranslate2.get_cuda_device_count():
        if device == "cuda":
            raise ConfigurationError(
                "asr.device (ASR_DEVICE) is cuda, but no CUDA device is visible: "
                "set it to auto or cpu, or give this process a GPU"
            )
        return _load(folder, "cpu", threads)
    try:
        return _load(folder, "cuda", threads)
    except ModelError as error:
        if device == "cuda":
            raise
        _log.warning("the GPU cannot be used, the CPU is: %s", error)
        return _load(folder, "cpu", threads)


def _load(folder: Path, device: str, threads: int) -> WhisperModel:
    try:
        supported = ctranslate2.get_supported_compute_types(device)
        compute_type = next(name for name in _COMPUTE_TYPES[device] if name in supported)
        return WhisperModel(
            str(folder), device=device, compute_type=compute_type, cpu_threads=threads
        )
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{folder}: cannot be loaded on {device}: {error}") from error
