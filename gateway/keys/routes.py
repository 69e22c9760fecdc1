"""The one route of keys: tickets."""

from fastapi import APIRouter, Request, Security
from pydantic import BaseModel, ConfigDict

from gateway.keys.guard import KEY_HEADER, KeyGuard


class TicketReply(BaseModel):
    """`ticket` goes into the address of a WebSocket: `?ticket=…`."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [{"ticket": "3f9a….1796000000000.5d….8c…", "expires_in_s": 60}]
        },
    )

    ticket: str
    expires_in_s: int


def key_routes(guard: KeyGuard) -> APIRouter:
    """POST /tickets, where keys are required."""
    router = APIRouter(tags=["keys"])

    if guard.required:

        @router.post("/tickets", dependencies=[Security(KEY_HEADER)])
        async def ticket(request: Request) -> TicketReply:
            """A ticket for one WebSocket, for the holder of the key in X-API-Key."""
            issued = await guard.ticket(request)
            return TicketReply(ticket=issued.text, expires_in_s=issued.expires_in_s)

    return router
