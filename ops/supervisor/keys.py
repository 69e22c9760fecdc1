"""The LiveKit keys of this installation: configured, or made once and kept."""

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from ops.supervisor.configuration import Configuration
from parley.errors import ConfigurationError
from parley.private import private_folder, write_private
from parley.settings.dotenv import read_dotenv

SHORTEST_SECRET = 32
_KEY, _SECRET = "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"


@dataclass(frozen=True)
class LiveKitKeys:
    api_key: str
    api_secret: str = field(repr=False)

    def for_clients(self) -> dict[str, str]:
        """The environment of a part that signs tokens."""
        return {_KEY: self.api_key, _SECRET: self.api_secret}

    def for_server(self) -> dict[str, str]:
        """The environment of the LiveKit server, which checks them."""
        return {"LIVEKIT_KEYS": f"{self.api_key}: {self.api_secret}"}


def livekit_keys(configuration: Configuration) -> LiveKitKeys:
    """The configured keys, else those of `keys.env` in the state folder, made there once.

    Raises ConfigurationError for half a pair, for none where the server is not ours, or for a
    secret that the server would refuse.
    """
    keys = _configured(configuration)
    if keys is not None:
        return keys
    file = _file(configuration)
    if not file.exists():
        _create(file)
    return _stored(file)


def check_keys(configuration: Configuration) -> str:
    """Where the keys come from, in words; raises as `livekit_keys` does, and makes none."""
    if _configured(configuration) is not None:
        return "configured"
    file = _file(configuration)
    if not file.exists():
        return "made by the first `./run up`"
    _stored(file)
    return f"made by Parley, in {file}"


def _configured(configuration: Configuration) -> LiveKitKeys | None:
    """The keys of the configuration; None where it leaves them to Parley."""
    livekit = configuration.orchestrator.livekit
    api_key, api_secret = livekit.api_key, livekit.api_secret.get_secret_value()
    if bool(api_key) != bool(api_secret):
        missing = _SECRET if api_key else _KEY
        raise ConfigurationError(
            f"{missing} is not set, but its counterpart is: set both, or neither to have them made"
        )
    if not api_key and not configuration.livekit_is_local:
        raise ConfigurationError(
            f"{livekit.url} is a LiveKit server that Parley does not start: set {_KEY} and "
            f"{_SECRET} to its keys, or leave LIVEKIT_URL to Parley"
        )
    return _checked(LiveKitKeys(api_key, api_secret), "the configuration") if api_key else None


def _file(configuration: Configuration) -> Path:
    return configuration.state_dir / "keys.env"


def _stored(file: Path) -> LiveKitKeys:
    stored = read_dotenv(file)
    return _checked(LiveKitKeys(stored.get(_KEY, ""), stored.get(_SECRET, "")), str(file))


def _create(file: Path) -> None:
    private_folder(file.parent)
    text = f"{_KEY}=parley-{secrets.token_hex(6)}\n{_SECRET}={secrets.token_urlsafe(32)}\n"
    write_private(file, text)


def _checked(keys: LiveKitKeys, source: str) -> LiveKitKeys:
    if len(keys.api_secret) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"{_SECRET} of {source} has {len(keys.api_secret)} characters; LiveKit needs at least "
            f"{SHORTEST_SECRET} (`openssl rand -hex 32` makes one)"
        )
    if not re.fullmatch(r"[!-~]+", keys.api_secret):
        raise ConfigurationError(
            f"{_SECRET} of {source} may have plain letters, digits and signs only: no space, no "
            "new line"
        )
    if not re.fullmatch(r"[^\s:'\"]+", keys.api_key) or not keys.api_key.isascii():
        raise ConfigurationError(f"{_KEY} of {source} must be one word without quotes or colons")
    return keys
