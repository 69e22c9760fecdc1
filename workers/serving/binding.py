"""Where a worker listens, and whether it may: beyond this machine only with TLS."""

from dataclasses import dataclass
from typing import Literal

import grpc

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
    settings.check_reach(part)
    credentials = server_credentials(settings.tls)
    return Binding(
        host=section.host,
        port=section.port,
        metrics_port=section.metrics_port,
        credentials=credentials,
    )
