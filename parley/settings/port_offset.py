"""One number added to every port of a Parley, so that two run side by side on one machine."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from parley.errors import ConfigurationError

PORT_OFFSET = "PARLEY_PORT_OFFSET"
HIGHEST_PORT = 65535

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NUMBER = re.compile(r"[0-9]{1,5}")

SettingsT = TypeVar("SettingsT", bound=BaseModel)


@dataclass(frozen=True)
class OwnPort:
    """Marks a port that Parley listens on; 0, which is none, stays so."""


@dataclass(frozen=True)
class OwnAddresses:
    """Marks addresses, separated by commas: the port of each that is on the loopback moves, for it
    is taken for one of this Parley's. `everywhere`: that of any host."""

    everywhere: bool = False


def port_offset(environ: Mapping[str, str]) -> int:
    """What PARLEY_PORT_OFFSET says; 0 where it says nothing. Raises ConfigurationError."""
    text = environ.get(PORT_OFFSET, "")
    if text and not _NUMBER.fullmatch(text):
        raise ConfigurationError(
            f"{PORT_OFFSET} (--port-offset): expected a number such as 100, found {text[:80]!r}"
        )
    return int(text or 0)


def shifted(settings: SettingsT, offset: int, *, below: str = "") -> SettingsT:
    """The settings with `offset` added to all that is marked; `below` is their key in the file.

    Raises ConfigurationError for a port that there is not.
    """
    changes: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value, key = getattr(settings, name), f"{below}{name}"
        if isinstance(value, BaseModel):
            changes[name] = shifted(value, offset, below=f"{key}.")
        for mark in field.metadata:
            if isinstance(mark, OwnPort) and value:
                changes[name] = _moved(value, offset, key)
            elif isinstance(mark, OwnAddresses) and value:
                changes[name] = ",".join(
                    _moved_address(address.strip(), offset, key, everywhere=mark.everywhere)
                    for address in value.split(",")
                )
    return settings.model_copy(update=changes)


def _moved(port: int, offset: int, key: str) -> int:
    if port + offset > HIGHEST_PORT:
        raise ConfigurationError(
            f"{key} is {port}, and {PORT_OFFSET} adds {offset}: there is no port above "
            f"{HIGHEST_PORT}; choose a smaller offset"
        )
    return port + offset


def _moved_address(address: str, offset: int, key: str, *, everywhere: bool) -> str:
    """Of host:port, or of a URL."""
    scheme, separator, rest = address.rpartition("://")
    parts = urlsplit(f"//{rest}")
    if parts.port is None or not (everywhere or parts.hostname in _LOOPBACK):
        return address
    host = parts.netloc.rpartition(":")[0]
    behind = rest[len(parts.netloc) :]
    return f"{scheme}{separator}{host}:{_moved(parts.port, offset, key)}{behind}"
