"""Sessions in SQL: in an SQLite file of one machine, or in PostgreSQL.

Every change is one transaction whose first statement writes. So two processes wait for each
other (SQLite) or for the session's row (PostgreSQL), and none goes by what it has read before.
"""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    event,
    insert,
    literal,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateIndex, CreateTable

from dialogue.sessions.bound import TIMEOUT_S, bounded
from dialogue.sessions.payload import dump, parsed_entries, parsed_record
from dialogue.sessions.store import (
    SessionExistsError,
    SessionNotFoundError,
    SessionRecord,
    SessionStoreError,
    StoredSession,
)
from parley.app.session import AnyEntry
from parley.errors import ConfigurationError

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

_TABLES_LOCK = 0x7061726C6579
"""PostgreSQL's CREATE ... IF NOT EXISTS fails where two processes run it at once."""

GOODBYE_S = 0.25
"""How long PostgreSQL has to end what a cancelled call had begun; SQLAlchemy waits two seconds."""

_making_file = threading.Lock()


class SqlStore:
    """Sessions in an SQLite file, or behind a URL: sqlite:////path/to/file or
    postgresql://user:password@host:port/database.

    Makes the file, its folder and the tables at first use. Belongs to one event loop. Raises
    ConfigurationError for a URL that is neither.
    """

    def __init__(self, place: Path | str, *, timeout_s: float = TIMEOUT_S) -> None:
        address = _of_file(place) if isinstance(place, Path) else _parsed(place)
        self._file = Path(str(address.database)) if _is_sqlite(address) else None
        self._timeout_s = timeout_s
        self._name = f"the session store ({_place(address)})"
        self._engine = _sqlite(address, timeout_s) if self._file else _postgresql(address)
        self._prepared = False
        self._preparing = asyncio.Lock()

    async def create(self, record: SessionRecord) -> None:
        row = {"began_at_s": record.began_at_s, "record": dump(record), "length": 0}
        async with self._answering():
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(insert(_sessions).values(id=record.id, **row))
            except IntegrityError:
                raise SessionExistsError(f"session {record.id} is kept already") from None

    async def load(self, session_id: str) -> StoredSession | None:
        # One statement, so that what it reads is of one moment.
        record = select(literal(-1).label("position"), _sessions.c.record.label("payload")).where(
            _sessions.c.id == session_id
        )
        log = select(_entries.c.position, _entries.c.payload).where(
            _entries.c.session_id == session_id
        )
        async with self._answering(), self._engine.connect() as connection:
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
        async with self._answering(), self._engine.begin() as connection:
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
        async with self._answering(), self._engine.begin() as connection:
            await connection.execute(delete(_sessions).where(_sessions.c.id == session_id))

    async def purge(self, *, began_before_s: float) -> int:
        old = delete(_sessions).where(_sessions.c.began_at_s < began_before_s)
        async with self._answering(), self._engine.begin() as connection:
            return (await connection.execute(old)).rowcount

    async def aclose(self) -> None:
        async with bounded(self._name, self._timeout_s):
            await self._engine.dispose()

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        try:
            async with bounded(self._name, self._timeout_s):
                async with self._preparing:
                    if not self._prepared:
                        await self._prepare()
                        self._prepared = True
                yield
        except SQLAlchemyError as error:
            raise SessionStoreError(f"{self._name} failed: {_reason(error)}") from None

    async def _prepare(self) -> None:
        if self._file is not None:
            await asyncio.to_thread(_make_private, self._file)
        async with self._engine.begin() as connection:
            await _make_tables(connection)


async def _make_tables(connection: AsyncConnection) -> None:
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_TABLES_LOCK})"))
    for table in _metadata.sorted_tables:
        await connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            await connection.execute(CreateIndex(index, if_not_exists=True))


def _of_file(file: Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(file.absolute()))


def _parsed(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):  # their text holds the URL, and so its password
        address = None
    if address is not None and address.get_backend_name() in ("postgresql", "postgres"):
        return address.set(drivername="postgresql")
    if address is not None and _is_sqlite(address):
        if not address.database or address.database == ":memory:":
            raise ConfigurationError(
                "sessions.url (SESSIONS_URL) names no SQLite file: sqlite:////path/to/file does; "
                "sessions.store: memory keeps sessions in memory"
            )
        return _of_file(Path(address.database))
    raise ConfigurationError(
        "sessions.url (SESSIONS_URL) is neither postgresql://user:password@host:port/database "
        "nor sqlite:////path/to/file"
    )


def _is_sqlite(address: URL) -> bool:
    return address.get_backend_name() == "sqlite"


def _place(address: URL) -> str:
    """Where it is, without user and password."""
    if _is_sqlite(address):
        return f"SQLite at {address.database}"
    return f"PostgreSQL at {address.host or 'localhost'}:{address.port or 5432}/{address.database}"


def _postgresql(address: URL) -> AsyncEngine:
    """asyncpg reads the URL itself: as libpq does, with `sslmode` and its like."""
    try:
        from asyncpg import connect  # noqa: PLC0415 - an extra: parley[postgres]
    except ModuleNotFoundError:
        raise ConfigurationError(
            "sessions in PostgreSQL need asyncpg: install parley[postgres]"
        ) from None
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=partial(connect, address.render_as_string(hide_password=False)),
        pool_pre_ping=True,  # finds a connection that the server has ended, before it is used
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "invalidate")
    def _end(connection: Any, _record: object, _error: object) -> None:
        asyncio.get_running_loop().call_later(GOODBYE_S, connection.driver_connection.terminate)

    return engine


def _sqlite(address: URL, timeout_s: float) -> AsyncEngine:
    """One connection: within a process writers queue in order, rather than by chance."""
    engine = create_async_engine(
        address,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        # Shorter than the call may take, so that a lock that others hold is named as such.
        connect_args={"timeout": 0.8 * timeout_s},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "invalidate")
    def _roll_back(connection: Any, _record: object, _error: object) -> None:
        # After a cancelled call the connection is closed, but a cursor that was not read to its
        # end keeps it alive, and with it the lock of its transaction.
        connection.rollback()

    return engine


def _make_private(file: Path) -> None:
    """Makes the file readable by its owner alone: what people say is personal.

    SQLite gives the files beside it the same mode. One that is there is left as it is, and is
    not opened: closing it would drop the locks that this process holds on it (SQLite,
    "How To Corrupt An SQLite Database File", 2.2); hence also the lock of ours.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with _making_file:
        if not file.exists():
            file.touch(mode=0o600)


def _reason(error: SQLAlchemyError) -> str:
    """What the database says, but nothing of what was to be kept."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.OperationalError):
        return str(cause)
    return type(getattr(cause, "driver_exception", None) or cause or error).__name__
