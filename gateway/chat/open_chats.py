"""The chats that are open in this process: each session has one connection, the latest."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

MOST_CHATS = 2000
TAKEN_WITHIN_S = 5.0
"""In which the connection before has to leave a session."""


class OpenChat(BaseModel):
    """One connection, as /debug/connections shows it."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    user_id: str
    connected_at: str
    messages: int
    answering: bool


class ChatsFullError(Exception):
    """There is no room for another connection."""


@dataclass(eq=False)
class HeldChat:
    """The place of a connection in its session."""

    session_id: str
    user_id: str
    since_s: float
    """Seconds since 1970."""
    messages: int = 0
    answering: bool = False
    taken_over: asyncio.Event = field(default_factory=asyncio.Event)
    """Another connection has come for the session."""
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def shown(self) -> OpenChat:
        return OpenChat(
            session_id=self.session_id,
            user_id=self.user_id,
            connected_at=datetime.fromtimestamp(self.since_s, UTC).isoformat(),
            messages=self.messages,
            answering=self.answering,
        )


class OpenChats:
    """Of one process."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._held: dict[str, HeldChat] = {}
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def shown(self) -> list[OpenChat]:
        return [chat.shown() for chat in self._held.values()]

    @asynccontextmanager
    async def holding(self, session_id: str, user_id: str) -> AsyncGenerator[HeldChat]:
        """The session's place, once whoever had it has left. Raises ChatsFullError."""
        if self._count >= MOST_CHATS:
            raise ChatsFullError
        chat = HeldChat(session_id, user_id, self._now())
        before = self._held.get(session_id)
        self._held[session_id] = chat
        self._count += 1
        try:
            if before is not None:
                before.taken_over.set()
                async with asyncio.timeout(TAKEN_WITHIN_S):
                    await before.left.wait()
            yield chat
        finally:
            chat.left.set()
            self._count -= 1
            if self._held.get(session_id) is chat:
                del self._held[session_id]
