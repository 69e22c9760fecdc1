"""Settings of logs and traces, which every process has, and of profiling, which workers have."""

from typing import Annotated, Literal

from pydantic import Field

from parley.settings.source import Env, Section
from parley.settings.values import HttpAddress


class TelemetrySection(Section):
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Env("LOG_LEVEL")
    ] = Field("INFO", description="the least important lines that are logged")
    environment: Annotated[Literal["development", "production"], Env("ENVIRONMENT")] = Field(
        "development",
        description="development, or production: logs as JSON, and no gRPC reflection",
    )
    otlp_endpoint: Annotated[HttpAddress, Env("OTEL_EXPORTER_OTLP_ENDPOINT")] = Field(
        "",
        description="where traces go over OTLP/HTTP, without /v1/traces; empty: nowhere",
    )
    trace_sample_ratio: float = Field(
        1.0, ge=0.0, le=1.0, description="share of the turns that are traced"
    )
    trace_content: bool = Field(
        False, description="whether traces hold what people and the agent say"
    )


class WorkerTelemetrySection(TelemetrySection):
    profiling: Annotated[bool, Env("ENABLE_PROFILING")] = Field(
        False, description="whether slow syntheses and decodes are profiled"
    )
    profile_output_dir: Annotated[str, Env("PROFILE_OUTPUT_DIR")] = Field(
        "profiles", description="where profiles go"
    )
    profile_min_duration_ms: Annotated[int, Env("PROFILE_MIN_DURATION_MS")] = Field(
        500,
        ge=0,
        description="a synthesis or a decode slower than this leaves a .pstats file; 200 are kept",
    )
