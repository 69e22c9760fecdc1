"""Which of several gateways gives a call another agent: the first that said so to LiveKit.

LiveKit has no lock, but it lists a room's dispatches with the time at which it took each. A claim
is a dispatch to an agent that does not exist, in the name of the dispatch it wants to replace.
"""

import asyncio
import json

from livekit import api
from livekit.protocol.agent_dispatch import AgentDispatch

from parley.room_events import LOST_JOB_AGENT

CLAIM_AGENT = "parley-claim"
"""No agent server goes by this name."""
SETTLE_S = 0.1
"""Claims that were made at once are all listed by then."""
CLAIM_VALID_S = 5.0
"""A gateway that has not acted on its claim by then has died."""
ACT_WITHIN_S = 3.0
"""And one that lives does not act on it later than this."""


async def replace_dispatch(
    livekit: api.LiveKitAPI, old: AgentDispatch, *, is_resumed: bool
) -> AgentDispatch | None:
    """Dispatches again what `old` had dispatched; None where another gateway does, or has.

    Raises as the LiveKit API: ServerError, aiohttp.ClientError, TimeoutError.
    """
    room, dispatches = old.room, livekit.agent_dispatch
    claim = await dispatches.create_dispatch(
        api.CreateAgentDispatchRequest(agent_name=CLAIM_AGENT, room=room, metadata=old.id)
    )
    try:
        async with asyncio.timeout(ACT_WITHIN_S):
            await asyncio.sleep(SETTLE_S)
            listed = await dispatches.list_dispatch(room)
            is_there = any(dispatch.id == old.id for dispatch in listed)
            if not is_there or _first_claim(listed, claim) != claim.id:
                return None
            new = await dispatches.create_dispatch(
                api.CreateAgentDispatchRequest(
                    agent_name=old.agent_name,
                    room=room,
                    metadata=resumed(old.metadata) if is_resumed else old.metadata,
                    deployment=old.deployment,
                    attributes=dict(old.attributes),
                )
            )
        # Only now, or a gateway that dies in between would leave the call with none; a job of it
        # that lives after all is ended by this.
        await dispatches.delete_dispatch(old.id, room)
        for note in listed:
            if note.agent_name == LOST_JOB_AGENT and note.metadata == old.id:
                await dispatches.delete_dispatch(note.id, room)
    finally:
        await dispatches.delete_dispatch(claim.id, room)
    return new


def _first_claim(listed: list[AgentDispatch], mine: AgentDispatch) -> str:
    oldest_ns = mine.state.created_at - int(CLAIM_VALID_S * 1e9)
    claims = [
        (other.state.created_at, other.id)
        for other in listed
        if other.agent_name == CLAIM_AGENT
        and other.metadata == mine.metadata
        and other.state.created_at >= oldest_ns
    ]
    return min(claims)[1] if claims else ""


def resumed(metadata: str) -> str:
    """The metadata of a dispatch, for a job that goes on where another has died."""
    try:
        values = json.loads(metadata or "{}")
    except ValueError:
        return metadata
    return json.dumps(values | {"resumed": True}) if isinstance(values, dict) else metadata
