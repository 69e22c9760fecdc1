"""A conversation that a room agent holds, kept in memory."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from agent.answering import Answering, Person
from agent.room.events import RoomEventPublisher
from dialogue.conversation import Conversation
from dialogue.model import build_client
from dialogue.opening import conversing
from dialogue.sessions.memory import MemoryStore
from dialogue.sessions.store import SessionRecord
from parley import Agent
from parley.settings import OrchestratorSettings

KIND = Agent(instructions="Be kind.")


@asynccontextmanager
async def answering_with(
    settings: OrchestratorSettings,
    person: Person,
    events: RoomEventPublisher,
    *,
    app: Agent = KIND,
) -> AsyncGenerator[tuple[Answering, Conversation]]:
    record = SessionRecord(id="s1", channel="voice", began_at_s=time.time())
    async with (
        build_client(settings) as client,
        conversing(app, record, settings, client=client, store=MemoryStore()) as conversation,
    ):
        answering = Answering(conversation, person, events, commit_silence_s=0.0)
        try:
            yield answering, conversation
        finally:
            await answering.aclose()
