"""An index in an SQLite file: passages, their vectors, and full text by FTS5."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from dialogue.embeddings.minilm import Vectors
from dialogue.retrieval.cutting import CutPassage
from dialogue.retrieval.retriever import RetrievalError
from dialogue.retrieval.store import (
    IndexedPassage,
    IndexedVectors,
    IndexState,
    number_of,
    stacked,
    stored,
)

LOCK_POLL_S = 0.05
_BUSY_S = 5.0

# FTS5 keeps no copy of the text; the triggers that would follow changes are not needed, for
# an index is only ever replaced as a whole.
_TABLES = """
CREATE TABLE IF NOT EXISTS parley_rag_index (
    generation INTEGER PRIMARY KEY, digest TEXT NOT NULL, embeddings TEXT NOT NULL,
    documents INTEGER NOT NULL, passages INTEGER NOT NULL,
    built_at_s REAL NOT NULL, build_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS parley_rag_passages (
    number INTEGER PRIMARY KEY, source TEXT NOT NULL, context TEXT NOT NULL,
    text TEXT NOT NULL, vector BLOB);
CREATE VIRTUAL TABLE IF NOT EXISTS parley_rag_words USING fts5(
    context, text, content='parley_rag_passages', content_rowid='number',
    tokenize='porter unicode61 remove_diacritics 2');
"""

T = TypeVar("T")


class SqlitePassages:
    """The index in `file`, which is made with its folder at first use.

    One thread with one connection; processes of this machine share the file, and the lock of its
    making is one of the kernel's, which goes with the process that holds it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rag-sqlite")
        self._connection: sqlite3.Connection | None = None

    @property
    def name(self) -> str:
        return f"the index of documents in {self._file}"

    async def state(self) -> IndexState | None:
        def read(connection: sqlite3.Connection) -> IndexState | None:
            row = connection.execute(
                "SELECT generation, digest, embeddings, documents, passages, built_at_s, build_s "
                "FROM parley_rag_index ORDER BY generation DESC LIMIT 1"
            ).fetchone()
            return None if row is None else IndexState(*row)

        return await self._run(read)

    @asynccontextmanager
    async def building(self) -> AsyncIterator[None]:
        try:
            descriptor = self._lock_file("building")
        except OSError as error:
            raise RetrievalError(f"{self.name} cannot be made: {error}") from error
        try:
            while not _taken(descriptor):  # noqa: ASYNC110 - the kernel's lock tells nobody
                await asyncio.sleep(LOCK_POLL_S)
            yield
        finally:
            os.close(descriptor)

    async def replace(
        self, state: IndexState, passages: Sequence[CutPassage], vectors: Vectors | None
    ) -> None:
        rows = [
            (
                number_of(state.generation, place),
                passage.source,
                passage.context,
                passage.text,
                None if vectors is None else stored(vectors[place]),
            )
            for place, passage in enumerate(passages)
        ]

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("DELETE FROM parley_rag_index")
                connection.execute("DELETE FROM parley_rag_passages")
                connection.executemany(
                    "INSERT INTO parley_rag_passages VALUES (?, ?, ?, ?, ?)", rows
                )
                connection.execute(
                    "INSERT INTO parley_rag_words (parley_rag_words) VALUES ('rebuild')"
                )
                connection.execute(
                    "INSERT INTO parley_rag_index VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        state.generation,
                        state.digest,
                        state.embeddings,
                        state.documents,
                        state.passages,
                        state.built_at_s,
                        state.build_s,
                    ),
                )

        await self._run(write)

    async def vectors(self, generation: int) -> IndexedVectors:
        def read(connection: sqlite3.Connection) -> IndexedVectors:
            rows = connection.execute(
                "SELECT number, vector FROM parley_rag_passages "
                "WHERE vector IS NOT NULL AND number BETWEEN ? AND ? ORDER BY number",
                (number_of(generation, 0), number_of(generation + 1, 0) - 1),
            ).fetchall()
            numbers = np.array([number for number, _ in rows], dtype=np.int64)
            return IndexedVectors(numbers, stacked([vector for _, vector in rows]))

        return await self._run(read)

    async def known_vectors(self, embeddings: str) -> dict[str, Vectors]:
        def read(connection: sqlite3.Connection) -> dict[str, Vectors]:
            rows = connection.execute(
                "SELECT p.context || ': ' || p.text, p.vector FROM parley_rag_passages p, "
                "parley_rag_index i WHERE i.embeddings = ? AND p.vector IS NOT NULL",
                (embeddings,),
            )
            return {whole: stacked([vector])[0] for whole, vector in rows}

        return await self._run(read)

    async def by_words(self, words: Sequence[str], limit: int) -> list[int]:
        query = " OR ".join(f'"{word}"' for word in words if '"' not in word)

        def read(connection: sqlite3.Connection) -> list[int]:
            rows = connection.execute(
                "SELECT rowid FROM parley_rag_words WHERE parley_rag_words MATCH ? "
                "ORDER BY bm25(parley_rag_words, 1.0, 1.0) LIMIT ?",
                (query, limit),
            )
            return [int(number) for (number,) in rows]

        return await self._run(read) if query else []

    async def passages(self, numbers: Sequence[int]) -> list[IndexedPassage]:
        marks = ", ".join("?" * len(numbers))

        def read(connection: sqlite3.Connection) -> list[IndexedPassage]:
            rows = connection.execute(
                f"SELECT number, source, text FROM parley_rag_passages WHERE number IN ({marks})",  # noqa: S608 - question marks
                tuple(numbers),
            )
            return [IndexedPassage(*row) for row in rows]

        return await self._run(read)

    async def aclose(self) -> None:
        def close() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            return work(self._connected())

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except (sqlite3.Error, OSError) as error:
            raise RetrievalError(f"{self.name} failed: {error}") from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            # SQLite's own time to wait does not count for the change to WAL: one after the other.
            descriptor = self._lock_file("opening")
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._connection = self._opened()
            finally:
                os.close(descriptor)
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_TABLES)
        return connection

    def _lock_file(self, purpose: str) -> int:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        file = self._file.with_name(f".{self._file.name}.{purpose}")
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
