"""Tells the clients in the room whether the agent knows what was said before it came."""

import asyncio
import logging

from livekit import rtc

from parley.room_events import HISTORY_ATTRIBUTE

TOLD_WITHIN_S = 5.0

_log = logging.getLogger(__name__)


async def tell_history(room: rtc.Room, *, is_kept: bool) -> None:
    """`is_kept`: the conversation has gone on for a while. A room that does not take it in time is
    not told: clients show what they know."""
    told = {HISTORY_ATTRIBUTE: "kept" if is_kept else "new"}
    try:
        async with asyncio.timeout(TOLD_WITHIN_S):
            await room.local_participant.set_attributes(told)
    except TimeoutError:
        _log.warning("the room could not be told that the conversation is %s", *told.values())
