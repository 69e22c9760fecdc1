"""Settings of logging, which every process has, and of profiling, which workers have."""

from typing import Annotated, Literal

from pydantic import Field

from parley.settings.source import Env, Section


class TelemetrySection(Section):
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Env("LOG_LEVEL")
    ] = Field("INFO", description="the least important lines that are logged")


class WorkerTelemetrySection(TelemetrySection):
    environment: Annotated[Literal["development", "production"], Env("ENVIRONMENT")] = Field(
        "development", description="development, or production: no gRPC reflection"
    )
    profiling: Annotated[bool, Env("ENABLE_PROFILING")] = Field(
        False, description="whether slow syntheses are profiled"
    )
    profile_output_dir: Annotated[str, Env("PROFILE_OUTPUT_DIR")] = Field(
        "profiles", description="where profiles go"
    )
    profile_min_duration_ms: Annotated[int, Env("PROFILE_MIN_DURATION_MS")] = Field(
        500, ge=0, description="a synthesis slower than this leaves a .pstats file"
    )
