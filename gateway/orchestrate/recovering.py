"""Turns that were lost with their processes, gone on with by this one."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from dialogue.checkpoints.recovery import keep_recovering
from dialogue.conversation import Conversation
from dialogue.sessions.store import SessionRecord
from gateway.orchestrate.service import OrchestratorService
from parley.background import background


@asynccontextmanager
async def conversation_of(
    service: OrchestratorService, session_id: str
) -> AsyncGenerator[Conversation]:
    """A session as the service holds it, while the service runs."""
    record = SessionRecord(id=session_id, channel="text", began_at_s=time.time())
    conversation = await Conversation.open(
        service.store, record, service.app, service.parts.resources, resumed=True
    )
    try:
        yield conversation
    finally:
        await conversation.aclose()


@asynccontextmanager
async def recovering(service: OrchestratorService) -> AsyncGenerator[None]:
    """Takes over what is abandoned while the block runs; `service` runs."""
    if service.pipelines is None:
        yield
        return
    keeping = keep_recovering(
        service.pipelines,
        lambda session_id: conversation_of(service, session_id),
        keep_s=3600.0 * service.settings.checkpoints.keep_hours,
    )
    async with background(keeping, name="recover what is abandoned"):
        yield
