"""Circuit breakers, seen and reset by operators."""

from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from dialogue.breakers.breaker import Breakers
from dialogue.breakers.circuit import BreakerSnapshot, BreakerState
from gateway.errors import ApiError


class BreakerReply(BaseModel):
    """One breaker. `failures`: calls of its window that failed or were slow, of `calls` in all;
    `retry_after_seconds`: until a call may be made, 0 while it is closed."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "model:groq",
                    "state": "open",
                    "failures": 0,
                    "calls": 0,
                    "retry_after_seconds": 7.4,
                }
            ]
        },
    )

    name: str
    state: BreakerState
    failures: int
    calls: int
    retry_after_seconds: float


class BreakersReply(BaseModel):
    """`kept_in`: redis, which all processes share, or memory, which is this process's own."""

    model_config = ConfigDict(frozen=True)

    circuit_breakers: dict[str, BreakerReply]
    kept_in: str


def breaker_routes(breakers: Breakers) -> APIRouter:
    """GET /circuit-breakers and POST /circuit-breakers/{name}/reset."""
    router = APIRouter(prefix="/circuit-breakers", tags=["operations"])

    @router.get("")
    async def states() -> BreakersReply:
        """Every breaker that any process has used."""
        found = await breakers.states()
        told = {name: _told(name, snapshot) for name, snapshot in found.items()}
        return BreakersReply(circuit_breakers=told, kept_in=breakers.kept_in)

    @router.post("/{name}/reset")
    async def reset(name: str) -> BreakerReply:
        """Closes it in every process, and forgets what was counted."""
        try:
            return _told(name, await breakers.reset(name))
        except KeyError:
            raise ApiError(
                HTTPStatus.NOT_FOUND, "unknown_breaker", f"no circuit breaker is called {name}"
            ) from None

    return router


def _told(name: str, snapshot: BreakerSnapshot) -> BreakerReply:
    return BreakerReply(
        name=name,
        state=snapshot.state,
        failures=snapshot.bad,
        calls=snapshot.calls,
        retry_after_seconds=round(snapshot.retry_after_s, 3),
    )
