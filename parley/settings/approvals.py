"""Settings of approvals: the section `approvals`."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from parley.settings.source import Env, Section


class ApprovalsSection(Section):
    """Tool calls that wait until somebody has decided about them."""

    enabled: Annotated[bool, Env("ENABLE_HITL")] = Field(
        True, description="false: tools that need approval are refused"
    )
    store: Literal["memory", "sql"] = Field(
        "sql", description="memory: as long as the process, and in it alone; or sql"
    )
    url: Annotated[SecretStr, Env("APPROVALS_URL")] = Field(
        SecretStr(""),
        description="postgresql://… or sqlite:////file; empty: the SQLite file operations.db in "
        "the state folder",
    )
    expires_s: float = Field(
        900.0, gt=0.0, le=604_800.0, description="a call that nobody has decided by then is not run"
    )
