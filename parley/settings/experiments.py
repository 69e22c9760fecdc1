"""Settings of experiments: the section `experiments`."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from parley.settings.source import Env, Section


class ExperimentsSection(Section):
    """Which configuration answers whom, and what becomes of it."""

    enabled: Annotated[bool, Env("ENABLE_AB_TESTING")] = Field(
        True, description="false: everybody is answered with the same configuration"
    )
    store: Literal["sql", "mongodb"] = Field(
        "sql", description="sql: SQLite or PostgreSQL; or mongodb"
    )
    url: Annotated[SecretStr, Env("EXPERIMENTS_URL")] = Field(
        SecretStr(""),
        description="of sql: postgresql://… or sqlite:////file; empty: the SQLite file "
        "operations.db in the state folder",
    )
    mongodb_url: Annotated[SecretStr, Env("MONGODB_URL")] = Field(
        SecretStr(""), description="of mongodb: mongodb://host:port"
    )
    mongodb_database: Annotated[str, Env("MONGODB_DATABASE")] = Field(
        "parley", min_length=1, description="of mongodb: the database's name"
    )
