"""Settings of logging and profiling that every process shares."""

from typing import Annotated, Literal

from pydantic import Field

from parley.settings.source import Env, Section


class TelemetrySection(Section):
    environment: Annotated[Literal["development", "production"], Env("ENVIRONMENT")] = Field(
        "development", description="development, or production: no gRPC reflection"
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Env("LOG_LEVEL")
    ] = Field("INFO", description="the least important lines that are logged")
    profiling: Annotated[bool, Env("ENABLE_PROFILING")] = Field(
        False, description="whether slow syntheses are profiled"
    )
    profile_output_dir: Annotated[str, Env("PROFILE_OUTPUT_DIR")] = Field(
        "profiles", description="where profiles go"
    )
    profile_min_duration_ms: Annotated[int, Env("PROFILE_MIN_DURATION_MS")] = Field(
        500, ge=0, description="a synthesis slower than this leaves a .pstats file"
    )
