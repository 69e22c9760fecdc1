"""Gets a caller into a room: asks the gateway for an access token as any client does."""

import json
import socket
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from caller.errors import CallError, CallRefusedError
from parley.settings import OrchestratorSettings

REQUEST_TIMEOUT_S = 15.0
LISTENS_WITHIN_S = 5.0


class Access(BaseModel):
    """What the gateway answers: where the room is, and the token that opens it."""

    model_config = ConfigDict(frozen=True)

    url: str
    token: str
    room: str
    identity: str


async def request_access(
    gateway_url: str, *, voice: str = "", record: bool = False, app: str = ""
) -> Access:
    """A new room and a token for it, from the gateway at `gateway_url` (the page's address).

    `record`: the agent sends what its turn-taking sees and decides, into
    `RoomClient.turn_recording`. `app`: a name of agent.apps; empty: the default one. Raises
    CallError when the gateway is down, and CallRefusedError when it refuses.
    """
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
    asked = {"voice": voice, "record": record, "app": app}
    wishes = {key: wish for key, wish in asked.items() if wish}
    address = f"{gateway_url.rstrip('/')}/api/token"
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(address, json=wishes) as response,
        ):
            body = await response.text()
    except (TimeoutError, aiohttp.ClientError, ValueError) as error:
        raise CallError(
            f"the gateway at {gateway_url} does not answer ({error or type(error).__name__}): "
            "is ./run up running?"
        ) from None
    if response.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        code, reason = _refusal(body)
        raise CallRefusedError(
            f"the gateway at {gateway_url} refused the call: {reason}",
            code=code,
            retry_after_s=_seconds(response.headers.get("Retry-After", "")),
        )
    try:
        return Access.model_validate_json(body)
    except ValidationError:
        raise CallError(f"{address} answered something that is no access token") from None


def refuse_without_gateway(gateway_url: str) -> None:
    """For who would call for minutes in vain: raises CallError where nobody listens; blocks."""
    try:
        parts = urlsplit(gateway_url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=LISTENS_WITHIN_S).close()
    except (OSError, ValueError) as error:
        raise CallError(
            f"the gateway at {gateway_url} does not answer ({error}): is ./run up running?"
        ) from None


def own_gateway(settings: OrchestratorSettings) -> str:
    """The address of this machine's own gateway."""
    host = settings.server.host
    if host in ("0.0.0.0", "::"):  # noqa: S104 - listening everywhere; we are on this machine
        host = "127.0.0.1"
    return f"http://{host}:{settings.server.port}"


def _refusal(body: str) -> tuple[str, str]:
    """Code and message of the gateway's {"error": {"code", "message"}}, else the answer itself."""
    try:
        error = json.loads(body)["error"]
        code, message = str(error["code"]), error["message"]
    except (ValueError, KeyError, TypeError):
        code, message = "", body
    return code, str(message).strip()[:500] or "it gave no reason"


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isdecimal() else None
