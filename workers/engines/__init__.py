"""Engines: what turns text into sound. One is a file (or folder) here and a line in `ENGINES`."""

from importlib import import_module

from parley.errors import ConfigurationError
from parley.settings.source import Section
from workers.engines.tts_engine import Engine

ENGINES = {
    "cosyvoice": "workers.engines.cosyvoice.engine:CosyVoiceEngine",
    "hibari": "workers.engines.hibari:HibariEngine",
    "piper": "workers.engines.piper.engine:PiperEngine",
}
"""Adapter name to module and class; imported only by the worker that is configured for it."""


def create_engine(adapter: str, *, threads: int, settings: Section | None = None) -> Engine:
    """The engine that `adapter` names, computing each stream on `threads` threads.

    `settings` are the engine's own, where it has any. Raises ConfigurationError when no engine
    has that name, or what it needs is not installed.
    """
    if adapter not in ENGINES:
        raise ConfigurationError(f"no engine is called {adapter!r}; there are {', '.join(ENGINES)}")
    module, _, name = ENGINES[adapter].partition(":")
    try:
        own = {} if settings is None else {"settings": settings}
        engine: Engine = getattr(import_module(module), name)(threads=threads, **own)
    except ImportError as error:
        raise ConfigurationError(
            f"engine {adapter} cannot be loaded ({error}): docs/engines.md says what it needs"
        ) from error
    return engine
