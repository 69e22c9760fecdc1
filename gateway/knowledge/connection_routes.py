"""GET /connection-stats: the HTTP connections to the services that a model may call."""

from dataclasses import asdict

from fastapi import APIRouter
from pydantic import BaseModel

from dialogue.services.services import Services


class PoolStats(BaseModel):
    """Of one service's pool; `problem` is why its description could not be read, "" if it was."""

    max_connections: int
    max_keepalive: int
    in_use: int
    most_in_use: int
    connections_made: int
    requests: int
    failures: int
    tools: int
    problem: str


class ConnectionStatsAnswer(BaseModel):
    pools: dict[str, PoolStats]


def connection_routes(services: Services | None) -> APIRouter:
    """Without services the pools are none."""
    router = APIRouter(tags=["knowledge"])

    @router.get("/connection-stats")
    async def connection_stats() -> ConnectionStatsAnswer:
        """By service: its limits, what is in use, and what was since the process began."""
        if services is None:
            return ConnectionStatsAnswer(pools={})
        problems, offered = services.problems, services.tool_counts
        return ConnectionStatsAnswer(
            pools={
                name: PoolStats(**asdict(stats), tools=offered[name], problem=problems[name])
                for name, stats in services.connection_stats.items()
            }
        )

    return router
