"""Settings of the ports that people, browsers and proxies reach."""

from typing import Literal

from pydantic import Field

from parley.settings.source import Section
from parley.settings.values import (
    HeaderName,
    Host,
    HostName,
    Network,
    OptionalAddresses,
    Origin,
    Port,
)


class ServerTlsSection(Section):
    cert: str = Field("", description="PEM of the HTTPS port; empty: HTTP")
    key: str = Field("", description="its key")
    min_version: Literal["1.2", "1.3"] = Field("1.2", description="oldest TLS that is spoken")


class ServerSection(Section):
    host: Host = Field("127.0.0.1", description="address the gateway and the health port listen on")
    port: Port = Field(8080, description="page, tokens and API")
    health_check_port: Port = Field(8081, description="the agent's health and metrics")
    gateway_health_port: Port = Field(8082, description="the gateway's health and metrics")
    calls_per_minute: int = Field(
        60, ge=1, description="calls one client address may begin, at once and per minute"
    )
    rooms: Literal["private", "joint"] = Field(
        "private",
        description="private: each call has a room of its own; joint: who asks for the same room "
        "meets there",
    )
    allowed_origins: tuple[Origin, ...] = Field(
        (),
        description="other web pages that may open calls and embed the page, each as "
        "https://host:port",
    )
    allowed_hosts: tuple[HostName, ...] = Field(
        (),
        description="names under which browsers reach the gateway, such as parley.example.org, "
        "beside addresses, names without a dot, *.localhost, *.local and *.internal; *: any",
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (),
        description="proxies whose X-Forwarded-For is believed, as addresses or networks; else "
        "the proxy counts as one client",
    )
    user_header: HeaderName = Field(
        "",
        description="header in which a trusted proxy names who has signed in, such as "
        "X-Forwarded-User; limits and budgets count by user then; empty: by address",
    )
    admission: Literal["counted", "open"] = Field(
        "counted",
        description="counted: a call for which no agent has room is refused; open: it gets its "
        "token and waits in its room",
    )
    agent_address: OptionalAddresses = Field(
        "",
        description="where agents say how many calls they have: host:port of their health ports, "
        "several with commas, a name is all of its addresses; empty: this machine's agent",
    )
    workers: int = Field(
        1, ge=1, le=64, description="processes that `./run orchestrator` serves its port with"
    )
    tls: ServerTlsSection = ServerTlsSection()
