"""Sessions in the memory of one process, gone with it."""

from collections.abc import Sequence

from dialogue.sessions.store import (
    SessionExistsError,
    SessionNotFoundError,
    SessionRecord,
    StoredSession,
)
from parley.app.session import AnyEntry


class MemoryStore:
    def __init__(self) -> None:
        self._sessions: dict[str, tuple[SessionRecord, list[AnyEntry]]] = {}

    async def create(self, record: SessionRecord) -> None:
        if record.id in self._sessions:
            raise SessionExistsError(f"session {record.id} is kept already")
        self._sessions[record.id] = record, []

    async def load(self, session_id: str) -> StoredSession | None:
        kept = self._sessions.get(session_id)
        return StoredSession(kept[0], tuple(kept[1])) if kept else None

    async def append(self, session_id: str, entries: Sequence[AnyEntry]) -> None:
        kept = self._sessions.get(session_id)
        if kept is None:
            raise SessionNotFoundError(f"session {session_id} is not kept")
        kept[1].extend(entries)

    async def delete(self, session_id: str) -> None:
        self._sessions.pop(session_id, None)

    async def purge(self, *, began_before_s: float) -> int:
        kept = {
            session_id: session
            for session_id, session in self._sessions.items()
            if session[0].began_at_s >= began_before_s
        }
        purged = len(self._sessions) - len(kept)
        self._sessions = kept
        return purged

    async def aclose(self) -> None:
        """Forgets everything: nothing of it was kept elsewhere."""
        self._sessions = {}
