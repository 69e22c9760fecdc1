"""Settings of the Redis in which workers register and clients find them."""

from typing import Annotated

from pydantic import Field

from parley.settings.source import Env, Section
from parley.settings.values import RedisAddress


class RedisSection(Section):
    url: Annotated[RedisAddress, Env("REDIS_URL")] = Field(
        "",
        description="where workers register and clients find them, and gateways count together "
        "whom they let in; empty: no Redis",
    )
