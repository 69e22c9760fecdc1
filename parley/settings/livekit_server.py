"""Settings of the LiveKit server that `up` starts (`configs/livekit.yaml`)."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from parley.settings.source import Section, config_file, load
from parley.settings.values import Host, IpAddress, OptionalPort, Port


class _ServerSection(Section):
    """A section of LiveKit's own file: what Parley does not read is passed on as it stands."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class RtcInterfacesSection(_ServerSection):
    includes: tuple[str, ...] = Field(("lo",), description="network interfaces of media")


class RtcSection(_ServerSection):
    """Where media flows. The defaults never leave this machine."""

    node_ip: IpAddress = Field("127.0.0.1", description="the address clients are told to send to")
    use_external_ip: bool = Field(False, description="find the public address by STUN")
    enable_loopback_candidate: bool = Field(True, description="media over the loopback")
    tcp_port: OptionalPort = Field(
        0,
        description="media where UDP is blocked, usually 7881; 0: none, for it listens on every "
        "address of the machine",
    )
    port_range_start: Port = Field(50000, description="first UDP port of media")
    port_range_end: Port = Field(50099, description="last UDP port of media")
    interfaces: RtcInterfacesSection = RtcInterfacesSection()

    @model_validator(mode="after")
    def _range_is_one(self) -> Self:
        if self.port_range_start > self.port_range_end:
            raise ValueError(
                f"port_range_start ({self.port_range_start}) is more than port_range_end "
                f"({self.port_range_end})"
            )
        return self


def _some(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if not addresses:
        raise ValueError("expected at least one address: LiveKit would listen nowhere")
    return addresses


class LiveKitLoggingSection(_ServerSection):
    level: str = Field(
        "warn", description="debug, info, warn or error; at info each call writes 45 kB"
    )


class LiveKitRoomSection(_ServerSection):
    """Of rooms that agents make anew when this server has been restarted; those of tokens bring
    the same times with them."""

    empty_timeout: int = Field(30, gt=0, description="s in which nobody comes: it is closed")
    departure_timeout: int = Field(5, gt=0, description="s after the last one has left")


class LiveKitServerSettings(_ServerSection):
    """LiveKit's configuration as far as Parley reads it; the keys come from the environment."""

    port: Port = Field(7880, description="HTTP and WebSocket")
    bind_addresses: Annotated[tuple[Host, ...], AfterValidator(_some)] = Field(
        ("127.0.0.1",), description="where HTTP and WebSocket listen"
    )
    logging: LiveKitLoggingSection = LiveKitLoggingSection()
    rtc: RtcSection = RtcSection()
    room: LiveKitRoomSection = LiveKitRoomSection()


def load_livekit_server(
    file: Path | None = None, *, environ: Mapping[str, str] = os.environ
) -> LiveKitServerSettings:
    """Reads `configs/livekit.yaml` (or `file`); raises ConfigurationError."""
    return load(LiveKitServerSettings, file or config_file("livekit.yaml"), environ=environ)
