"""Engines: what turns text into sound. One is a file (or folder) here and a line in `ENGINES`."""

from importlib import import_module

from parley.errors import ConfigurationError
from workers.engines.base import Engine

ENGINES = {
    "hibari": "workers.engines.hibari:HibariEngine",
    "piper": "workers.engines.piper.engine:PiperEngine",
}
"""Adapter name to module and class; imported only by the worker that is configured for it."""


def create_engine(adapter: str, *, threads: int) -> Engine:
    """The engine that `adapter` names, computing each stream on `threads` threads.

    Raises ConfigurationError when there is none, or what it needs is not installed.
    """
    if adapter not in ENGINES:
        raise ConfigurationError(f"no engine is called {adapter!r}; there are {', '.join(ENGINES)}")
    module, _, name = ENGINES[adapter].partition(":")
    try:
        engine: Engine = getattr(import_module(module), name)(threads=threads)
    except ImportError as error:
        raise ConfigurationError(
            f"engine {adapter} cannot be loaded ({error}): install Parley with its extra "
            f"{adapter!r}"
        ) from error
    return engine
