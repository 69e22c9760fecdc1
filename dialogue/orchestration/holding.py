"""Holds a session for one connection, from the claim to its release."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from dialogue.conversation import Conversation
from dialogue.orchestration.desk import (
    RENEW_EVERY_S,
    Claim,
    ClaimLostError,
    SessionDesk,
    SessionSnapshot,
)
from dialogue.orchestration.parts import TalkParts
from dialogue.orchestration.talk import Talk, TalkOptions, TalkOutlet
from dialogue.sessions.store import SessionRecord


@asynccontextmanager
async def talking(
    parts: TalkParts,
    session_id: str,
    outlet: TalkOutlet,
    options: TalkOptions,
    *,
    user: str = "",
    owner: str = "",
    takes_over: bool = True,
) -> AsyncGenerator[Talk]:
    """Holds the session, new or known, and lets it go at the end; it is kept. `owner`: whose key
    the client has shown.

    Raises DeskFullError, SessionHeldError, and SessionForbiddenError for one of another user.
    """
    async with AsyncExitStack() as opened:
        claim = await parts.desk.claim(session_id, takes_over=takes_over)
        opened.push_async_callback(parts.desk.release, claim)
        snapshot = claim.snapshot or SessionSnapshot(user=user, owner=owner, began_at_s=time.time())
        parts.check_owner(snapshot, user, owner)
        user = snapshot.user or user
        record = SessionRecord(
            id=session_id,
            channel="text",
            app=parts.app_name,
            user=user,
            language=options.language or parts.language,
            began_at_s=time.time(),
        )
        conversation = await Conversation.open(parts.store, record, parts.app, parts.resources)
        opened.push_async_callback(conversation.aclose)
        snapshot = snapshot.model_copy(update={"user": user})
        talk = Talk(
            conversation,
            claim,
            parts,
            outlet,
            options,
            snapshot,
            is_resumed=claim.snapshot is not None,
        )
        talk.mend()
        opened.push_async_callback(talk.aclose)
        holding = asyncio.create_task(_held(parts.desk, claim), name="hold the session")
        try:
            yield talk
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)


async def _held(desk: SessionDesk, claim: Claim) -> None:
    """Holds the session until another takes it."""
    while not claim.lost.is_set():
        await asyncio.sleep(RENEW_EVERY_S)
        try:
            await desk.renew(claim)
        except ClaimLostError:
            return
