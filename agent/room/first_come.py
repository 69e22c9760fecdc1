"""A call has one agent: who comes into a room that has one already leaves it again.

LiveKit sends an agent whenever a room is made anew. Where a node has died, caller and agent come
back to a room on another one by themselves, and one or two agents more are sent for it.
"""

import logging

from livekit import rtc
from livekit.agents import JobContext

from parley.room_events import AGENT_NAME_ATTRIBUTE

_log = logging.getLogger(__name__)


async def comes_first(context: JobContext) -> bool:
    """Joins the room; where an agent of the same name is in it, the job ends.

    Of several that come at once LiveKit lets one in before the others, and only they see another.
    """
    await context.connect()
    name = context.job.agent_name
    has_another = any(
        who.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        and who.attributes.get(AGENT_NAME_ATTRIBUTE, name) == name
        for who in context.room.remote_participants.values()
    )
    if has_another:
        _log.warning("another agent has the call already: this one leaves it")
        context.shutdown("another agent has the call")
    return not has_another
