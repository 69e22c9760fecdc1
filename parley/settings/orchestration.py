"""Settings of the orchestrator: conversations over a WebSocket and HTTP."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from parley.settings.source import Env, Section
from parley.settings.values import ApiKey, HttpAddress, OptionalPort


class OrchestrationSection(Section):
    """How a turn is thought about, and for how long."""

    app: str = Field(
        "apps.orchestrator:agent", min_length=1, description="who answers, as agent.app names it"
    )
    max_concurrent_sessions: Annotated[int, Env("MAX_CONCURRENT_SESSIONS")] = Field(
        1000, ge=1, description="sessions held at once, by all processes over one Redis"
    )
    buffer_size: Annotated[int, Env("BUFFER_SIZE")] = Field(
        200, ge=1, description="audio messages that wait for a slow client; then the voice waits"
    )
    tts_timeout_ms: Annotated[int, Env("TTS_TIMEOUT_MS")] = Field(
        200, ge=1, description="that a response waits for its first audio, to tell when that came"
    )
    parallel: Annotated[bool, Env("ENABLE_PARALLEL")] = Field(
        True, description="intent and retrieval side by side; false: one after the other"
    )
    error_handling: Annotated[bool, Env("ENABLE_ERROR_HANDLING")] = Field(
        True, description="other providers are tried where one fails; false: it fails"
    )
    tts_provider: Annotated[Literal["local", "elevenlabs", "none"], Env("TTS_PROVIDER")] = Field(
        "local",
        description="whose voice audio=1 has: the speech workers', ElevenLabs', or nobody's",
    )
    tts_api_key: Annotated[ApiKey, Env("TTS_API_KEY")] = Field(
        SecretStr(""), description="of that provider"
    )
    tts_base_url: HttpAddress = Field(
        "https://api.elevenlabs.io", description="where ElevenLabs is asked"
    )
    tts_voice_id: Annotated[str, Env("TTS_VOICE_ID")] = Field(
        "", description="its voice; empty: tts.default_model of the workers"
    )
    stt_service_url: Annotated[HttpAddress, Env("STT_SERVICE_URL")] = Field(
        "", description="the speech front end that sends fragments, for /health alone; empty: none"
    )


class StorageSection(Section):
    type: Literal["file", "sql"] = Field(
        "file", description="file: SQLite in the state folder; sql: database.url"
    )


class DatabaseSection(Section):
    url: Annotated[SecretStr, Env("DATABASE_URL")] = Field(
        SecretStr(""), description="postgresql://… or sqlite:////file, where storage.type is sql"
    )
    pool_size: int = Field(20, ge=1, description="connections that each store keeps")
    max_overflow: int = Field(
        30, ge=0, description="connections beyond them, while they are needed"
    )


class CacheSection(Section):
    type: Literal["auto", "memory", "redis"] = Field(
        "auto", description="where sessions stand: redis, memory, or redis where redis.url is set"
    )
    ttl: Annotated[int, Env("SESSION_TTL_SECONDS")] = Field(
        3600, ge=1, description="seconds that a session is kept after it was last used"
    )


class LoggingSection(Section):
    format: Literal["auto", "json", "detailed"] = Field(
        "auto", description="of log lines; auto: json in production (telemetry.environment)"
    )
    file: str = Field("", description="they go there as well; empty: to standard error alone")
    level: Annotated[str, Env("ORCHESTRATOR_LOG_LEVEL")] = Field(
        "", description="of the orchestrator; empty: telemetry.log_level"
    )


class TracingSection(Section):
    endpoint: HttpAddress = Field(
        "", description="OTLP over HTTP, such as Jaeger's; empty: telemetry.otlp_endpoint"
    )


class MonitoringSection(Section):
    metrics: bool = Field(True, description="whether /metrics answers")
    health: bool = Field(True, description="whether /health tells its details")
    port: OptionalPort = Field(
        0,
        description="a private port where health and metrics are told without a key, for "
        "Prometheus; 0: none, and with several server.workers none either",
    )
    tracing: TracingSection = TracingSection()
    sentry_dsn: Annotated[SecretStr, Env("SENTRY_DSN")] = Field(
        SecretStr(""), description="where errors are sent; needs the extra `sentry`; empty: nowhere"
    )
