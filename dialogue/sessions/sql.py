"""Sessions in SQL: in an SQLite file of one machine, or in PostgreSQL."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import (
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError

from dialogue.database import Database
from dialogue.sessions.bound import TIMEOUT_S
from dialogue.sessions.payload import dump, parsed_entries, parsed_record
from dialogue.sessions.store import (
    SessionExistsError,
    SessionNotFoundError,
    SessionRecord,
    SessionStoreError,
    StoredSession,
)
from parley.app.session import AnyEntry

_metadata = MetaData()
_sessions = Table(
    "parley_sessions",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("began_at_s", Double, nullable=False, index=True),
    Column("record", Text, nullable=False),
    Column("length", Integer, nullable=False),  # entries of the log: the next one's position
)
_entries = Table(
    "parley_session_entries",
    _metadata,
    Column("session_id", Text, ForeignKey(_sessions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
)


class SqlStore:
    """Sessions in an SQLite file, or behind a URL, as Database has it.

    Raises ConfigurationError for a URL that is neither SQLite nor PostgreSQL.
    """

    def __init__(self, place: Path | str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._database = Database(
            place,
            _metadata,
            what="the session store",
            setting="sessions.url (SESSIONS_URL)",
            failure=SessionStoreError,
            timeout_s=timeout_s,
        )

    async def create(self, record: SessionRecord) -> None:
        row = {"began_at_s": record.began_at_s, "record": dump(record), "length": 0}
        try:
            async with self._database.changing() as connection:
                await connection.execute(insert(_sessions).values(id=record.id, **row))
        except IntegrityError:
            raise SessionExistsError(f"session {record.id} is kept already") from None

    async def load(self, session_id: str) -> StoredSession | None:
        record = select(literal(-1).label("position"), _sessions.c.record.label("payload")).where(
            _sessions.c.id == session_id
        )
        log = select(_entries.c.position, _entries.c.payload).where(
            _entries.c.session_id == session_id
        )
        async with self._database.reading() as connection:
            found = await connection.execute(union_all(record, log).order_by("position"))
            payloads = [str(row.payload) for row in found]
        if not payloads:
            return None
        return StoredSession(parsed_record(payloads[0]), parsed_entries(session_id, payloads[1:]))

    async def append(self, session_id: str, entries: Sequence[AnyEntry]) -> None:
        # The update holds the session's row until the end: positions are nobody else's.
        reserve = (
            update(_sessions)
            .where(_sessions.c.id == session_id)
            .values(length=_sessions.c.length + len(entries))
            .returning(_sessions.c.length)
        )
        async with self._database.changing() as connection:
            length = (await connection.execute(reserve)).scalar_one_or_none()
            if length is None:
                raise SessionNotFoundError(f"session {session_id} is not kept")
            rows = [
                {
                    "session_id": session_id,
                    "position": position,
                    "kind": entry.kind,
                    "payload": dump(entry),
                }
                for position, entry in enumerate(entries, start=length - len(entries))
            ]
            if rows:
                await connection.execute(insert(_entries), rows)

    async def delete(self, session_id: str) -> None:
        async with self._database.changing() as connection:
            await connection.execute(delete(_sessions).where(_sessions.c.id == session_id))

    async def purge(self, *, began_before_s: float) -> int:
        old = delete(_sessions).where(_sessions.c.began_at_s < began_before_s)
        async with self._database.changing() as connection:
            return (await connection.execute(old)).rowcount

    async def aclose(self) -> None:
        await self._database.aclose()
