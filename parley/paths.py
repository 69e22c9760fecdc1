"""Where Parley keeps things: a cache shared by all checkouts, and one state folder per checkout."""

import os
from pathlib import Path


def repository() -> Path:
    """The checkout (or installation) this package runs from."""
    return Path(__file__).resolve().parent.parent


def cache_dir() -> Path:
    """Models, the LiveKit server, toolchains: `$PARLEY_CACHE_DIR`, else `~/.cache/parley`."""
    explicit = os.environ.get("PARLEY_CACHE_DIR")
    if explicit:
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "parley"


def state_dir() -> Path:
    """What one running Parley owns (keys, logs, pids): `$PARLEY_STATE_DIR`, else `.parley`."""
    return Path(os.environ.get("PARLEY_STATE_DIR") or repository() / ".parley")


def config_dir() -> Path:
    """The configuration files: `$PARLEY_CONFIG_DIR`, else `configs` of the checkout."""
    return Path(os.environ.get("PARLEY_CONFIG_DIR") or repository() / "configs")
