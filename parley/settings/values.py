"""What single settings may hold: hosts, addresses, keys, languages. Each says what is allowed.

A validator here sees one value; whether the settings fit this machine and each other is for
`./run doctor` and `./run up` (ops/doctor/setup.py).
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr

from parley.discovery.static import parse_targets
from parley.errors import ConfigurationError
from parley.settings.port_offset import HIGHEST_PORT, OwnAddresses, OwnPort
from parley.settings.source import Masked

_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\.?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")
_PRINTABLE = re.compile(r"[!-~]*")


def _text(is_right: Callable[[str], bool], expected: str) -> BeforeValidator:
    """Checks text, that of secrets too; what is no text is left to the field's own type."""

    def check(value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str) and not is_right(text):
            raise ValueError(expected)
        return value

    return BeforeValidator(check)


def is_url(value: str, *schemes: str) -> bool:
    """Whether it is an address of one of the schemes, with a host (a path, if the scheme is unix),
    without white space, and its port a port."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    names_something = parts.path if parts.scheme == "unix" else parts.hostname
    return parts.scheme in schemes and bool(names_something and _PRINTABLE.fullmatch(value))


def is_loopback(host: str) -> bool:
    """Whether what listens there is reached from this machine alone."""
    return ipaddress.ip_address(host).is_loopback if is_ip(host) else host == "localhost"


def without_credentials(url: str) -> str:
    """The address as it may be shown: without a user's name and password in it."""
    return re.sub(r"(?<=//)[^/?#]*@", "", url)


def is_ip(value: str) -> bool:
    """Whether it is an IPv4 or IPv6 address, without a port."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_network(value: str) -> bool:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        return False
    return True


def _is_host(value: str) -> bool:
    is_name = _HOST_NAME.fullmatch(value) and not re.fullmatch(r"[0-9.]+", value)
    return bool(is_name) or is_ip(value)


def _are_targets(value: str) -> bool:
    try:
        parse_targets(value)
    except ConfigurationError:
        return False
    return True


Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT), OwnPort()]
"""That Parley listens on; PARLEY_PORT_OFFSET is added to it."""
OptionalPort = Annotated[int, Field(ge=0, le=HIGHEST_PORT), OwnPort()]
"""The same; 0: none."""

Origin = Annotated[
    str,
    _text(
        lambda text: re.fullmatch(r"https?://[a-z0-9.:\[\]_-]+", text) is not None,
        "expected https://host:port, in small letters and without a path",
    ),
]
"""As browsers send it: scheme, host and port, in small letters and without a path."""

HostName = Annotated[
    str,
    _text(
        lambda text: re.fullmatch(r"\*|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", text) is not None,
        "expected a name in small letters and without a port, or *",
    ),
]
"""That a page is asked for by; `*` is any."""

Network = Annotated[str, _text(_is_network, "expected an address or a network such as 10.0.0.0/8")]
"""Addresses as CIDR writes them; an address is the network of itself."""

HeaderName = Annotated[
    str,
    _text(
        lambda text: re.fullmatch(r"[A-Za-z0-9-]*", text) is not None,
        "expected the name of an HTTP header, such as X-Forwarded-User",
    ),
]
"""Empty: none."""

Host = Annotated[
    str,
    _text(
        lambda text: not text or _is_host(text),
        "expected a name or IP address of this machine, without scheme and port",
    ),
]
"""That a port listens on; empty: every address."""

IpAddress = Annotated[
    str, _text(lambda text: not text or is_ip(text), "expected an IP address such as 127.0.0.1")
]
HttpAddress = Annotated[
    str,
    _text(
        lambda text: not text or is_url(text, "http", "https"),
        "expected an address such as https://host:port/v1",
    ),
]
LiveKitAddress = Annotated[
    str,
    OwnAddresses(),
    _text(
        lambda text: is_url(text, "ws", "wss"),
        "expected an address such as ws://host:port or wss://host",
    ),
]
OptionalLiveKitAddress = Annotated[
    str,
    OwnAddresses(),
    _text(
        lambda text: not text or is_url(text, "ws", "wss"),
        "expected nothing, or an address such as ws://host:port or wss://host",
    ),
]
RedisAddress = Annotated[
    str,
    Masked(),
    _text(
        lambda text: not text or is_url(text, "redis", "rediss", "unix"),
        "expected redis://host:port, rediss://host:port or unix://path",
    ),
]
"""Empty: no Redis. It may hold a password."""

WorkerAddresses = Annotated[
    str,
    OwnAddresses(),
    _text(_are_targets, "expected host:port of a worker, several separated by commas"),
]
OptionalAddresses = Annotated[
    str,
    OwnAddresses(),
    _text(
        lambda text: not text or _are_targets(text),
        "expected nothing, or host:port, several separated by commas",
    ),
]
AdvertisedAddress = Annotated[
    str,
    OwnAddresses(everywhere=True),
    _text(
        lambda text: not text or (_are_targets(text) and "," not in text),
        "expected host:port, or nothing",
    ),
]
ApiKey = Annotated[
    SecretStr,
    _text(
        lambda text: _PRINTABLE.fullmatch(text) is not None,
        "a key has only plain letters, digits and signs: no space, no new line",
    ),
]
"""Of an HTTP API, which takes it in a header."""

LanguageCode = Annotated[
    str,
    _text(
        lambda text: _LANGUAGE.fullmatch(text) is not None,
        "expected the code of a language, such as en or de-DE",
    ),
]
VariableName = Annotated[
    str,
    _text(
        lambda text: re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) is not None,
        "expected the name of a variable",
    ),
]
"""Of the environment."""

AppName = Annotated[
    str,
    _text(
        lambda text: re.fullmatch(r"[\w-]{1,64}", text) is not None,
        "expected a name of letters, digits, - and _, 64 at most",
    ),
]
"""What a call asks for an app by."""
