"""Settings of checkpoints: the section `checkpoints`."""

from typing import Annotated

from pydantic import Field, SecretStr

from parley.settings.source import Env, Section


class CheckpointsSection(Section):
    """What a turn has done so far, so that another process can go on with it."""

    enabled: Annotated[bool, Env("ENABLE_CHECKPOINTING")] = Field(
        True, description="false: a turn whose process dies is lost"
    )
    url: Annotated[SecretStr, Env("CHECKPOINTS_URL")] = Field(
        SecretStr(""),
        description="postgresql://… or sqlite:////file; empty: the SQLite file operations.db in "
        "the state folder",
    )
    lease_s: float = Field(
        15.0,
        gt=0.0,
        description="a pipeline whose process has not been heard of for so long is taken over",
    )
    keep_hours: float = Field(24.0, gt=0.0, description="how long one that has ended is kept")
