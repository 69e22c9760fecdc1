"""An SQLite file of one machine, or PostgreSQL: what every store in SQL stands on.

Every change is one transaction whose first statement writes. So two processes wait for each other
(SQLite) or for a row (PostgreSQL), and none goes by what it has read before.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, event, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.dml import Insert

from dialogue.bounded import TIMEOUT_S, bounded
from parley.errors import ConfigurationError, ParleyError
from parley.sqlite_file import make_sqlite_file

_TABLES_LOCK = 0x7061726C6579
"""PostgreSQL's CREATE ... IF NOT EXISTS fails where two processes run it at once."""

GOODBYE_S = 0.25
"""How long PostgreSQL has to end what a cancelled call had begun; SQLAlchemy waits two seconds."""


@dataclass(frozen=True)
class PoolSize:
    """Connections to a PostgreSQL that a store keeps, and may open beyond them while it needs
    them."""

    size: int = 5
    overflow: int = 10


_pool = PoolSize()


def set_pool_size(pool: PoolSize) -> None:
    """Of what this process opens from now on: how busy it is, its stores do not know."""
    global _pool  # noqa: PLW0603
    _pool = pool


class Database:
    """Behind a URL, sqlite:////path/to/file or postgresql://user:password@host:port/database, or
    a file. Makes the file, its folder and the tables at first use. Belongs to one event loop."""

    def __init__(
        self,
        place: Path | str,
        tables: MetaData,
        *,
        what: str,
        setting: str,
        failure: type[ParleyError],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """`what` it is for errors, "the session store"; `setting` where the URL comes from,
        "sessions.url (SESSIONS_URL)"; `failure` is raised where it fails.

        Raises ConfigurationError for a URL that is neither.
        """
        address = _of_file(place) if isinstance(place, Path) else _parsed(place, setting)
        self._file = Path(str(address.database)) if _is_sqlite(address) else None
        self._tables = tables
        self._failure = failure
        self._timeout_s = timeout_s
        self._name = f"{what} ({_place(address)})"
        self._engine = _sqlite(address, timeout_s) if self._file else _postgresql(address, what)
        self._prepared = False
        self._preparing = asyncio.Lock()

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """What is done within fails as `failure`, where it does not violate a constraint: that
        remains an IntegrityError. The first time it makes the tables."""
        try:
            async with bounded(self._name, self._timeout_s, self._failure):
                async with self._preparing:
                    if not self._prepared:
                        await self._prepare()
                        self._prepared = True
                yield
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise self._failure(f"{self._name} failed: {_reason(error)}") from None

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction; its first statement has to write."""
        async with self.answering(), self._engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """For one statement, so that what it reads is of one moment."""
        async with self.answering(), self._engine.connect() as connection:
            yield connection

    def inserting_once(self, table: Table) -> Insert:
        """An insert that leaves a row alone which is there already; its rowcount tells."""
        if self._file is not None:
            return sqlite_insert(table).on_conflict_do_nothing()
        return postgresql_insert(table).on_conflict_do_nothing()

    async def aclose(self) -> None:
        async with bounded(self._name, self._timeout_s, self._failure):
            await self._engine.dispose()

    async def _prepare(self) -> None:
        if self._file is not None:
            await asyncio.to_thread(make_sqlite_file, self._file)
        async with self._engine.begin() as connection:
            await _make_tables(connection, self._tables)


async def _make_tables(connection: AsyncConnection, tables: MetaData) -> None:
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_TABLES_LOCK})"))
    for table in tables.sorted_tables:
        await connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            await connection.execute(CreateIndex(index, if_not_exists=True))


def _of_file(file: Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(file.absolute()))


def _parsed(url: str, setting: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):  # their text holds the URL, and so its password
        address = None
    if address is not None and address.get_backend_name() in ("postgresql", "postgres"):
        return address.set(drivername="postgresql")
    if address is not None and _is_sqlite(address):
        if not address.database or address.database == ":memory:":
            section = setting.partition(".")[0]
            raise ConfigurationError(
                f"{setting} names no SQLite file: sqlite:////path/to/file does; "
                f"{section}.store: memory keeps {section} in memory"
            )
        return _of_file(Path(address.database))
    raise ConfigurationError(
        f"{setting} is neither postgresql://user:password@host:port/database "
        "nor sqlite:////path/to/file"
    )


def _is_sqlite(address: URL) -> bool:
    return address.get_backend_name() == "sqlite"


def _place(address: URL) -> str:
    """Where it is, without user and password."""
    if _is_sqlite(address):
        return f"SQLite at {address.database}"
    return f"PostgreSQL at {address.host or 'localhost'}:{address.port or 5432}/{address.database}"


def _postgresql(address: URL, what: str) -> AsyncEngine:
    """asyncpg reads the URL itself: as libpq does, with `sslmode` and its like."""
    try:
        from asyncpg import connect  # noqa: PLC0415 - an extra: parley[postgres]
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"{what} in PostgreSQL needs asyncpg: install parley[postgres]"
        ) from None
    engine = create_async_engine(
        "postgresql+asyncpg://",
        pool_size=_pool.size,
        max_overflow=_pool.overflow,
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


def _reason(error: SQLAlchemyError) -> str:
    """What the database says, but nothing of what was to be kept."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.OperationalError):
        return str(cause)
    return type(getattr(cause, "driver_exception", None) or cause or error).__name__
