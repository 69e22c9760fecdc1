"""A conversation against the model on a socket, and a store that can be made to fail."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import SecretStr

from dialogue.conversation import ActiveTurn, Conversation
from dialogue.model import OpenAIModel, build_client, build_model
from dialogue.resources import Resources
from dialogue.sessions.store import (
    SessionExistsError,
    SessionNotFoundError,
    SessionRecord,
    SessionStoreError,
    StoredSession,
)
from parley.app.agent import Agent
from parley.app.events import Done, Error, Event, TextDelta
from parley.app.session import AnyEntry
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from testkit.fake_llm import FakeLlm, llm_serving

Kind = TypeVar("Kind")
INSTRUCTIONS = "You are the desk of a bicycle shop."


@dataclass
class KeptInMemory:
    """A SessionStore; `fails` makes every call fail."""

    fails: bool = False
    sessions: dict[str, tuple[SessionRecord, list[AnyEntry]]] = field(default_factory=dict)

    def _reach(self) -> None:
        if self.fails:
            raise SessionStoreError("the store cannot be reached")

    async def create(self, record: SessionRecord) -> None:
        self._reach()
        if record.id in self.sessions:
            raise SessionExistsError(record.id)
        self.sessions[record.id] = (record, [])

    async def load(self, session_id: str) -> StoredSession | None:
        self._reach()
        kept = self.sessions.get(session_id)
        return StoredSession(kept[0], list(kept[1])) if kept else None

    async def append(self, session_id: str, entries: Sequence[AnyEntry]) -> None:
        self._reach()
        if session_id not in self.sessions:
            raise SessionNotFoundError(session_id)
        self.sessions[session_id][1].extend(entries)

    async def delete(self, session_id: str) -> None:
        self.sessions.pop(session_id, None)

    async def purge(self, *, began_before_s: float) -> int:
        return 0

    async def aclose(self) -> None:
        pass


def settings(url: str) -> OrchestratorSettings:
    llm = LlmSection(base_url=url, api_key=SecretStr("k"), model="fake")
    return OrchestratorSettings(llm=llm)


@asynccontextmanager
async def model_at(llm: FakeLlm, *, at_openai: bool = False) -> AsyncGenerator[OpenAIModel]:
    async with llm_serving(llm) as url:
        client = build_client(settings(url))
        try:
            yield replace(build_model(settings(url), client), at_openai=at_openai)
        finally:
            await client.close()


def record(session_id: str = "s1") -> SessionRecord:
    return SessionRecord(id=session_id, channel="text", began_at_s=time.time())


@asynccontextmanager
async def conversing(
    llm: FakeLlm,
    app: Agent,
    *,
    store: KeptInMemory | None = None,
    session_id: str = "s1",
    **resources: Any,
) -> AsyncGenerator[Conversation]:
    async with model_at(llm) as model:
        conversation = await Conversation.open(
            store or KeptInMemory(),
            record(session_id),
            app,
            Resources(model=model, instructions=INSTRUCTIONS, **resources),
        )
        try:
            yield conversation
        finally:
            await conversation.aclose(deadline_s=2.0)


async def all_of(turn: ActiveTurn) -> list[Event]:
    return [event async for event in turn.events()]


async def ask(conversation: Conversation, text: str, *, hears: bool = True) -> list[Event]:
    """A turn that is committed at once, and heard to its end."""
    turn = conversation.turn(text, waiting_since_s=time.monotonic())
    turn.commit()
    events = await all_of(turn)
    if hears:
        await conversation.heard(turn.id, said(events))
    return events


def said(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def of(events: Sequence[object], kind: type[Kind]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def error_codes(events: Sequence[Event]) -> list[str]:
    assert isinstance(events[-1], Done)
    return [event.code for event in events if isinstance(event, Error)]
