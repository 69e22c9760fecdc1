"""Requests in an SQLite file: the default, which needs no AWS."""

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import aiosqlite

from apps.shopping.faults import UNAVAILABLE, ShoppingError
from apps.shopping.storage.store import RequestItem, RequestStatus, utc_at
from parley.sqlite_file import make_sqlite_file

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    session_id TEXT NOT NULL, request_id TEXT NOT NULL, request_type TEXT NOT NULL,
    user_id TEXT NOT NULL, status TEXT NOT NULL, input_data TEXT NOT NULL,
    workflow_state TEXT NOT NULL, blob BLOB NOT NULL, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, PRIMARY KEY (session_id, request_id)) WITHOUT ROWID
"""
_COLUMNS = (
    "session_id, request_id, request_type, user_id, status, input_data, workflow_state, blob, "
    "created_at, updated_at"
)
_BUSY_MS = 5000
_BEHIND = chr(0x10FFFF)
"""Sorts behind every key that begins with the same prefix."""


class SqliteRequestStore:
    """Any number of processes may have the file open at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._database: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()

    async def put(self, item: RequestItem) -> None:
        """See RequestStore."""
        row = (
            item.session_id,
            item.request_id,
            item.request_type,
            item.user_id,
            item.status.value,
            json.dumps(item.input_data),
            json.dumps(item.workflow_state),
            item.blob,
            item.created_at,
            item.updated_at,
        )
        marks = ", ".join("?" * len(row))
        await self._change(f"INSERT OR REPLACE INTO requests VALUES ({marks})", row)  # noqa: S608

    async def get(self, session_id: str, request_id: str) -> RequestItem | None:
        """See RequestStore."""
        rows = await self._rows(
            f"SELECT {_COLUMNS} FROM requests WHERE session_id = ? AND request_id = ?",  # noqa: S608
            (session_id, request_id),
        )
        return rows[0] if rows else None

    async def items(
        self, session_id: str, prefix: str, *, newest_first: bool = False, limit: int = 100
    ) -> Sequence[RequestItem]:
        """See RequestStore."""
        order = "DESC" if newest_first else "ASC"
        return await self._rows(
            f"SELECT {_COLUMNS} FROM requests WHERE session_id = ? AND request_id >= ? "  # noqa: S608
            f"AND request_id < ? ORDER BY request_id {order} LIMIT ?",
            (session_id, prefix, prefix + _BEHIND, limit),
        )

    async def delete(self, session_id: str, prefix: str) -> None:
        """See RequestStore."""
        await self._change(
            "DELETE FROM requests WHERE session_id = ? AND request_id >= ? AND request_id < ?",
            (session_id, prefix, prefix + _BEHIND),
        )

    async def purge(self, *, updated_before_s: float) -> int:
        """See RequestStore."""
        gone = await self._fetched(
            "DELETE FROM requests WHERE updated_at < ? RETURNING 1", (utc_at(updated_before_s),)
        )
        return len(list(gone))

    async def check(self) -> str:
        """See RequestStore."""
        await self.get("-", "-")
        return f"SQLite, {self._file.name}"

    async def aclose(self) -> None:
        if self._database is not None:
            await self._database.close()
            self._database = None

    async def _open(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._database is None:
                await asyncio.to_thread(make_sqlite_file, self._file)
                database = await aiosqlite.connect(self._file, isolation_level=None)
                try:
                    await database.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
                    await database.execute("PRAGMA journal_mode = WAL")
                    # What was written survives the process's end, if not the machine's.
                    await database.execute("PRAGMA synchronous = NORMAL")
                    await database.execute(_SCHEMA)
                except BaseException:  # its thread would keep the process
                    await database.close()
                    raise
                self._database = database
            return self._database

    async def _change(self, statement: str, values: Sequence[str | bytes]) -> None:
        await self._fetched(statement, values)

    async def _rows(self, query: str, values: Sequence[str | int]) -> Sequence[RequestItem]:
        return [_item(row) for row in await self._fetched(query, values)]

    async def _fetched(
        self, statement: str, values: Sequence[str | bytes | int]
    ) -> Iterable[sqlite3.Row]:
        try:
            database = await self._open()
            # One call of the connection's thread, where a cursor takes three.
            return await database.execute_fetchall(statement, values)
        except (sqlite3.Error, OSError) as error:
            raise _failed(error) from error


def _item(row: sqlite3.Row) -> RequestItem:
    return RequestItem(
        session_id=row[0],
        request_id=row[1],
        request_type=row[2],
        user_id=row[3],
        status=RequestStatus(row[4]),
        input_data=json.loads(row[5]),
        workflow_state=json.loads(row[6]),
        blob=bytes(row[7]),
        created_at=row[8],
        updated_at=row[9],
    )


def _failed(error: Exception) -> ShoppingError:
    return ShoppingError(UNAVAILABLE, f"The request store fails: {error}")
