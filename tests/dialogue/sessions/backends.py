"""What the contract suite knows of each kind of store: how to open one more on the same place."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import redis.asyncio

from dialogue.sessions.memory import MemoryStore
from dialogue.sessions.redis import RedisStore
from dialogue.sessions.sql import SqlStore
from dialogue.sessions.store import SessionStore

PATIENT_S = 20.0
"""What is promised here is no time: a busy machine may take it."""


class Backend(Protocol):
    place: str
    """What `appending.py` is given to open the same; empty: other processes cannot."""

    def open(self, *, timeout_s: float = PATIENT_S) -> SessionStore: ...

    async def append_raw(self, session_id: str, payload: str) -> None:
        """Appends as another version of Parley may."""
        ...


@dataclass
class InMemory:
    place: str = ""
    store: MemoryStore = field(default_factory=MemoryStore)

    def open(self, *, timeout_s: float = PATIENT_S) -> SessionStore:
        return self.store

    async def append_raw(self, session_id: str, payload: str) -> None:
        raise NotImplementedError


@dataclass
class InRedis:
    place: str

    def open(self, *, timeout_s: float = PATIENT_S) -> SessionStore:
        return RedisStore(self.place, timeout_s=timeout_s)

    async def append_raw(self, session_id: str, payload: str) -> None:
        async with redis.asyncio.Redis.from_url(self.place) as client:
            await client.rpush(f"parley:session:{session_id}", payload)

    async def expires_in_s(self, session_id: str) -> int:
        """-1: never."""
        async with redis.asyncio.Redis.from_url(self.place) as client:
            return int(await client.ttl(f"parley:session:{session_id}"))


_RESERVE = "UPDATE parley_sessions SET length = length + 1 WHERE id = {} RETURNING length - 1"
_INSERT = "INSERT INTO parley_session_entries VALUES ({}, {}, 'raw', {})"


@dataclass
class InSqlite:
    place: str

    def open(self, *, timeout_s: float = PATIENT_S) -> SessionStore:
        return SqlStore(Path(self.place), timeout_s=timeout_s)

    async def append_raw(self, session_id: str, payload: str) -> None:
        with sqlite3.connect(self.place) as connection:
            reserve, append = _RESERVE.format("?"), _INSERT.format("?", "?", "?")
            position = connection.execute(reserve, [session_id]).fetchall()[0][0]
            connection.execute(append, [session_id, position, payload])
        connection.close()


@dataclass
class InPostgres:
    place: str

    def open(self, *, timeout_s: float = PATIENT_S) -> SessionStore:
        return SqlStore(self.place, timeout_s=timeout_s)

    async def connect(self) -> Any:
        import asyncpg  # noqa: PLC0415 - an extra

        return await asyncpg.connect(self.place)

    async def append_raw(self, session_id: str, payload: str) -> None:
        connection = await self.connect()
        position = await connection.fetchval(_RESERVE.format("$1"), session_id)
        await connection.execute(_INSERT.format("$1", "$2", "$3"), session_id, position, payload)
        await connection.close()
