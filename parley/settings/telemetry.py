"""Settings of logging and profiling that every process shares."""

from typing import Annotated, Literal

from pydantic import Field

from parley.settings.source import Env, Section


class TelemetrySection(Section):
    environment: Annotated[Literal["development", "production"], Env("ENVIRONMENT")] = "development"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Env("LOG_LEVEL")
    ] = "INFO"
    profiling: Annotated[bool, Env("ENABLE_PROFILING")] = False
    profile_output_dir: Annotated[str, Env("PROFILE_OUTPUT_DIR")] = "profiles"
    profile_min_duration_ms: Annotated[int, Env("PROFILE_MIN_DURATION_MS")] = Field(
        500, ge=0, description="a synthesis slower than this leaves a .pstats file"
    )
