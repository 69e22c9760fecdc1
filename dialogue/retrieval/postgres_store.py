"""An index in PostgreSQL: passages, their vectors, and full text by tsvector."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

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
from parley.errors import ConfigurationError

_LOCK = 0x7061726C65795247
"""Of who makes the index; ends with its connection, and so with its process."""
_TABLES_LOCK = _LOCK + 1
_CONNECTIONS = 4
_COMMAND_S = 60.0

_TABLES = """
CREATE TABLE IF NOT EXISTS parley_rag_index (
    generation BIGINT PRIMARY KEY, digest TEXT NOT NULL, embeddings TEXT NOT NULL,
    documents INTEGER NOT NULL, passages INTEGER NOT NULL,
    built_at_s DOUBLE PRECISION NOT NULL, build_s DOUBLE PRECISION NOT NULL);
CREATE TABLE IF NOT EXISTS parley_rag_passages (
    number BIGINT PRIMARY KEY, source TEXT NOT NULL, context TEXT NOT NULL,
    text TEXT NOT NULL, vector BYTEA,
    words TSVECTOR GENERATED ALWAYS AS (to_tsvector('english', context || ' ' || text)) STORED);
CREATE INDEX IF NOT EXISTS parley_rag_words ON parley_rag_passages USING gin (words);
"""


class PostgresPassages:
    """The index in the database at `url`; makes its tables at first use.

    Belongs to one event loop. Raises ConfigurationError where asyncpg is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            import asyncpg  # noqa: PLC0415 - an extra: parley[postgres]
        except ModuleNotFoundError:
            raise ConfigurationError(
                "documents indexed in PostgreSQL need asyncpg: install parley[postgres]"
            ) from None
        self._asyncpg = asyncpg
        self._url = url
        self._pool: Any = None
        self._opening = asyncio.Lock()
        self._reading: set[asyncio.Task[Any]] = set()

    @property
    def name(self) -> str:
        parts = urlsplit(self._url)
        return f"the index of documents in PostgreSQL at {parts.hostname}:{parts.port or 5432}"

    async def state(self) -> IndexState | None:
        rows = await self._read(
            "SELECT generation, digest, embeddings, documents, passages, built_at_s, build_s "
            "FROM parley_rag_index ORDER BY generation DESC LIMIT 1"
        )
        return IndexState(*rows[0]) if rows else None

    @asynccontextmanager
    async def building(self) -> AsyncIterator[None]:
        """On a connection of its own: who waits for it keeps none of the pool's from others."""
        try:
            connection = await self._asyncpg.connect(self._url)
        except (OSError, self._asyncpg.PostgresError) as error:
            raise self._failed(error) from error
        try:
            try:
                await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            except (OSError, self._asyncpg.PostgresError) as error:
                raise self._failed(error) from error
            yield
        finally:
            connection.terminate()  # the server frees the lock; a goodbye could be cancelled

    async def replace(
        self, state: IndexState, passages: Sequence[CutPassage], vectors: Vectors | None
    ) -> None:
        rows = [
            (
                number_of(state.generation, place),
                _storable(passage.source),
                _storable(passage.context),
                _storable(passage.text),
                None if vectors is None else stored(vectors[place]),
            )
            for place, passage in enumerate(passages)
        ]
        async with self._connection() as connection, connection.transaction():
            await connection.execute("DELETE FROM parley_rag_index")
            await connection.execute("DELETE FROM parley_rag_passages")
            await connection.copy_records_to_table(
                "parley_rag_passages",
                records=rows,
                columns=("number", "source", "context", "text", "vector"),
            )
            await connection.execute(
                "INSERT INTO parley_rag_index VALUES ($1, $2, $3, $4, $5, $6, $7)",
                state.generation,
                state.digest,
                state.embeddings,
                state.documents,
                state.passages,
                state.built_at_s,
                state.build_s,
            )

    async def vectors(self, generation: int) -> IndexedVectors:
        rows = await self._read(
            "SELECT number, vector FROM parley_rag_passages "
            "WHERE vector IS NOT NULL AND number >= $1 AND number < $2 ORDER BY number",
            number_of(generation, 0),
            number_of(generation + 1, 0),
        )
        numbers = np.array([row[0] for row in rows], dtype=np.int64)
        return IndexedVectors(numbers, stacked([row[1] for row in rows]))

    async def known_vectors(self, embeddings: str) -> dict[str, Vectors]:
        rows = await self._read(
            "SELECT p.context || ': ' || p.text, p.vector FROM parley_rag_passages p, "
            "parley_rag_index i WHERE i.embeddings = $1 AND p.vector IS NOT NULL",
            embeddings,
        )
        return {whole: stacked([vector])[0] for whole, vector in rows}

    async def by_words(self, words: Sequence[str], limit: int) -> list[int]:
        rows = await self._read(
            # plainto_tsquery knows no operators, so what people say is never syntax.
            "WITH query AS (SELECT string_agg(nullif(plainto_tsquery('english', word)::text, "
            "''), ' | ')::tsquery AS words FROM unnest($1::text[]) AS word) "
            "SELECT number FROM parley_rag_passages p, query q WHERE p.words @@ q.words "
            "ORDER BY ts_rank(p.words, q.words, 1) DESC, number LIMIT $2",
            [_storable(word) for word in words],
            limit,
        )
        return [int(row[0]) for row in rows]

    async def passages(self, numbers: Sequence[int]) -> list[IndexedPassage]:
        rows = await self._read(
            "SELECT number, source, text FROM parley_rag_passages WHERE number = ANY($1::bigint[])",
            list(numbers),
        )
        return [IndexedPassage(*row) for row in rows]

    async def aclose(self) -> None:
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _read(self, query: str, *arguments: object) -> list[Any]:
        """Rows; whoever is cancelled leaves the query to end by itself. Cancelling it would cost
        the server a connection, and late queries come when it is busy."""
        task = asyncio.create_task(self._fetched(query, arguments), name="documents read")
        self._reading.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def _fetched(self, query: str, arguments: tuple[object, ...]) -> list[Any]:
        async with self._connection() as connection:
            rows: list[Any] = await connection.fetch(query, *arguments)
            return rows

    def _ended(self, task: "asyncio.Task[list[Any]]") -> None:
        self._reading.discard(task)
        if not task.cancelled():
            task.exception()  # seen: who asked has it, or has gone

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with self._opening:
                if self._pool is None:
                    self._pool = await self._opened()
            async with self._pool.acquire() as connection:
                yield connection
        except (OSError, self._asyncpg.PostgresError, self._asyncpg.InterfaceError) as error:
            raise self._failed(error) from error

    async def _opened(self) -> Any:
        pool = await self._asyncpg.create_pool(
            self._url, min_size=1, max_size=_CONNECTIONS, command_timeout=_COMMAND_S
        )
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _TABLES_LOCK)
            await connection.execute(_TABLES)
        return pool

    def _failed(self, error: BaseException) -> RetrievalError:
        return RetrievalError(f"{self.name} failed: {type(error).__name__}: {error}")


def _storable(text: str) -> str:
    """PostgreSQL's text has no zero characters."""
    return text.replace("\0", " ")
