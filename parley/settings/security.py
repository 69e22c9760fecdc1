"""Settings of who may ask: keys, how often each may, and which pages."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr

from parley.settings.source import Env, Section
from parley.settings.values import Origin

SHORTEST_SECRET = 32


def _switch(value: object) -> object:
    """YAML takes on and off for truth values, and so do people."""
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower(), value)
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def _secret(value: object) -> object:
    if isinstance(value, str) and 0 < len(value) < SHORTEST_SECRET:
        raise ValueError(f"a secret has at least {SHORTEST_SECRET} characters")
    return value


class RateLimitingSection(Section):
    requests_per_minute: int = Field(
        1000, ge=1, description="of each key that was created without a limit of its own"
    )


class CorsSection(Section):
    allowed_origins: tuple[Origin, ...] = Field(
        (), description="web pages that may ask the orchestrator, each as https://host:port"
    )


class SecuritySection(Section):
    """Keys of the orchestrator's API (docs/keys.md)."""

    api_key_required: Annotated[
        Literal["auto", "on", "off"], Env("API_KEY_REQUIRED"), BeforeValidator(_switch)
    ] = Field(
        "auto",
        description="whether a request needs a key; auto: in production "
        "(telemetry.environment), not in development",
    )
    url: Annotated[SecretStr, Env("KEYS_URL")] = Field(
        SecretStr(""),
        description="where keys are kept: postgresql://… or sqlite:////file; empty: the SQLite "
        "file keys.db in the state folder",
    )
    secret: Annotated[SecretStr, Env("KEYS_SECRET"), BeforeValidator(_secret)] = Field(
        SecretStr(""),
        description="with which keys are hashed and tickets signed, the same on every machine; "
        "empty: one is made and kept in the state folder",
    )
    ticket_ttl: int = Field(
        60, ge=1, description="seconds within which a ticket opens a WebSocket, once"
    )
    rate_limiting: RateLimitingSection = RateLimitingSection()
    cors: CorsSection = CorsSection()

    def keys_are_required(self, environment: str) -> bool:
        """In that telemetry.environment."""
        if self.api_key_required == "auto":
            return environment == "production"
        return self.api_key_required == "on"
