"""Where a worker listens, and whether it may: beyond this machine only with TLS."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

import grpc

from parley.errors import ConfigurationError
from parley.settings import WorkerSettings
from parley.tls import server_credentials


@dataclass(frozen=True, kw_only=True)
class Binding:
    """The ports of one worker; without `credentials` it speaks plain text."""

    host: str
    port: int
    metrics_port: int
    credentials: grpc.ServerCredentials | None = None


def binding_of(settings: WorkerSettings, part: Literal["tts", "asr"]) -> Binding:
    """What the settings say; raises ConfigurationError for TLS that cannot work, and for none
    where others than this machine could call."""
    section = settings.tts if part == "tts" else settings.asr
    credentials = server_credentials(settings.tls)
    if credentials is None and not settings.tls.insecure and not _is_loopback(section.host):
        raise ConfigurationError(
            f"{part}.host is {section.host!r}, beyond this machine, and tls is not configured: set "
            "tls.ca, tls.cert and tls.key, or tls.insecure: true on a network that is itself safe"
        )
    return Binding(
        host=section.host,
        port=section.port,
        metrics_port=section.metrics_port,
        credentials=credentials,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
