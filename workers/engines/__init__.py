"""Engines by name: Parley's own, each a file or folder here, and those of installed packages."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from parley.errors import ConfigurationError
from parley.settings.engines import EngineKind, entry_point, names
from parley.settings.source import Section
from workers.engines.asr_engine import AsrEngine
from workers.engines.tts_engine import TtsEngine

OWN: Mapping[EngineKind, Mapping[str, str]] = MappingProxyType(
    {
        "tts": {
            "cosyvoice": "workers.engines.cosyvoice.engine:CosyVoiceEngine",
            "hibari": "workers.engines.hibari:HibariEngine",
            "kokoro": "workers.engines.kokoro.engine:KokoroEngine",
            "piper": "workers.engines.piper.engine:PiperEngine",
        },
        "asr": {
            "moonshine": "workers.engines.moonshine.engine:MoonshineEngine",
            "whisper": "workers.engines.whisper.engine:WhisperEngine",
            "whisperx": "workers.engines.whisper.engine:WhisperXEngine",
        },
    }
)
"""Adapter name to module and class; imported only by the worker that is configured for it."""


def create_tts_engine(adapter: str, *, threads: int, settings: Section | None = None) -> TtsEngine:
    """The engine that `adapter` names, computing each stream on `threads` threads.

    `settings` are the engine's own, where it has any. Raises ConfigurationError when no engine
    has that name, or what it needs is not installed.
    """
    own = {} if settings is None else {"settings": settings}
    engine: TtsEngine = _create("tts", adapter, threads=threads, **own)
    return engine


def create_asr_engine(adapter: str, *, device: str, threads: int) -> AsrEngine:
    """The engine that `adapter` names, decoding on `device` (auto, cpu or cuda).

    Raises ConfigurationError as `create_tts_engine` does.
    """
    engine: AsrEngine = _create("asr", adapter, device=device, threads=threads)
    return engine


def _create(kind: EngineKind, adapter: str, **arguments: Any) -> Any:
    try:
        return _class_of(kind, adapter)(**arguments)
    except ImportError as error:
        raise ConfigurationError(
            f"engine {adapter} cannot be loaded ({error}): docs/engines.md says what it needs"
        ) from error


def _class_of(kind: EngineKind, adapter: str) -> Any:
    if (own := OWN[kind].get(adapter)) is not None:
        module, _, name = own.partition(":")
        return getattr(import_module(module), name)
    installed = entry_point(kind, adapter)
    if installed is None:
        raise ConfigurationError(
            f"no engine is called {adapter!r}; there are {', '.join(names(kind))}"
        )
    try:
        return installed.load()
    except AttributeError as error:
        raise ConfigurationError(
            f"engine {adapter}: its entry point {installed.value!r} names nothing ({error})"
        ) from error
