"""Passages of the documents of a folder, indexed once by whichever process is first."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dialogue.embeddings.embedder import Embedder, EmbeddingError
from dialogue.embeddings.minilm import Vectors
from dialogue.retrieval.building import IndexBuilder
from dialogue.retrieval.documents import DocumentFolder
from dialogue.retrieval.fusion import fused, query_words
from dialogue.retrieval.retriever import DEFAULT_LIMIT, Passage, RetrievalError, RetrievalStats
from dialogue.retrieval.store import (
    IndexedVectors,
    IndexState,
    PassageStore,
    generation_of,
)
from parley.clock import Clock, monotonic

INITIALIZED = "rag_vectorstore_initialized"
"""The event of the process that made the index, and of no other."""
CANDIDATES = 40
"""Of each ranking, before they are fused."""
AT_ONCE = 4000
"""Passages that are compared within a millisecond, sooner than a thread would begin."""
LEAST_SIMILARITY = 0.25
"""Cosine below which a passage is about something else, unless it has the query's words. Of the
tuning half of the questions (`./run bench retrieval`) 2% have their answer below it; of sentences
about other things (CLINC150's validation part) 84% find nothing above it."""
RETRY_S = 10.0
"""After an index could not be made, before it is tried again."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Loaded:
    state: IndexState
    vectors: IndexedVectors


class LocalRetriever:
    """Full text and vectors, fused by reciprocal rank; full text alone without an embedder.

    The index is made at the first query, or by `start`. Every `check_s` seconds a query has the
    folder looked at: what has changed is indexed anew, and until that is done the old index
    answers. `on_event` is told INITIALIZED with what was indexed. Belongs to one event loop;
    `aclose` closes the store, and leaves the embedder to others.
    """

    def __init__(
        self,
        folder: DocumentFolder,
        store: PassageStore,
        embedder: Embedder | None,
        *,
        check_s: float = 30.0,
        on_event: Callable[[str, IndexState], None] = lambda name, state: None,
        clock: Clock = monotonic,
        wall_clock: Clock = time.time,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._check_s = check_s
        self._on_event = on_event
        self._clock = clock
        self._builder = IndexBuilder(folder, embedder, wall_clock=wall_clock)
        self._loaded: _Loaded | None = None
        self._own_digest = ""
        """Of this process's folder when it was last looked at."""
        self._looking: asyncio.Task[None] | None = None
        self._look_at_s = 0.0
        self._failure: RetrievalError | None = None
        self._queries = 0

    def start(self) -> None:
        """Begins to make or load the index; needs a running event loop."""
        self._begin_look()

    async def query(self, text: str, limit: int = DEFAULT_LIMIT) -> Sequence[Passage]:
        self._queries += 1
        for _ in range(3):
            loaded = await self._ready()
            found = await self._search(loaded, text, limit)
            if found is not None:
                return found
            self._loaded = None  # another process has replaced the index
        raise RetrievalError(f"{self._store.name} is replaced all the time")

    async def stats(self) -> RetrievalStats:
        state = await self._store.state()
        if state is None:
            kind = "building" if self._looking is not None else "empty"
            return RetrievalStats(kind, queries=self._queries)
        return RetrievalStats(
            "ready",
            documents=state.documents,
            passages=state.passages,
            built_at_s=state.built_at_s,
            build_s=state.build_s,
            queries=self._queries,
            embeddings=state.embeddings,
        )

    async def aclose(self) -> None:
        self._builder.stop()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        self._builder.close()
        await self._store.aclose()

    async def _vector(self, text: str) -> Vectors | None:
        if self._embedder is None:
            return None
        try:
            vectors: Vectors = (await self._embedder.embed([text]))[0]
        except EmbeddingError as error:
            _log.warning("a query goes by its words alone: %s", error)
            return None
        return vectors

    async def _ready(self) -> _Loaded:
        """The index in memory; waits for it, which whoever has a deadline cancels."""
        if self._clock() >= self._look_at_s:
            self._begin_look()
        while self._loaded is None:
            if self._looking is None:
                if self._failure is not None:
                    raise self._failure
                self._begin_look()
            assert self._looking is not None
            # Not the query's to cancel: the others wait for it too.
            await asyncio.wait({self._looking})
        return self._loaded

    def _begin_look(self) -> None:
        if self._looking is None:
            self._look_at_s = self._clock() + self._check_s
            self._looking = asyncio.create_task(self._look(), name="index of documents")

    async def _look(self) -> None:
        try:
            await self._make_current()
            self._failure = None
        except RetrievalError as error:
            self._failed(error)
            _log.warning("documents are not indexed: %s", error)
        except Exception as error:
            self._failed(RetrievalError(f"documents cannot be indexed: {type(error).__name__}"))
            _log.exception("documents are not indexed")
        finally:
            self._looking = None

    def _failed(self, error: RetrievalError) -> None:
        self._failure = error
        self._look_at_s = self._clock() + min(RETRY_S, self._check_s)

    async def _make_current(self) -> None:
        """Has this process's documents indexed, unless they are, and the index in memory.

        A process whose folder has not changed leaves an index of others' documents alone: while
        a deployment is renewed, old and new processes would replace it in turn.
        """
        digest = await self._builder.digest()
        state = await self._store.state()
        changed = digest != self._own_digest
        if state is None or (changed and not self._builder.serves(state, digest)):
            state = await self._make(digest)
        self._own_digest = digest
        if self._loaded is None or self._loaded.state.generation != state.generation:
            vectors = await self._store.vectors(state.generation)
            self._loaded = _Loaded(state, vectors)

    async def _make(self, digest: str) -> IndexState:
        async with self._store.building():
            state = await self._store.state()
            if state is not None and self._builder.serves(state, digest):
                return state  # made by another process while this one waited
            known = await self._store.known_vectors(self._builder.embeddings)
            built = await self._builder.build(digest, known)
            made = replace(built.state, generation=state.generation + 1 if state else 1)
            await self._store.replace(made, built.passages, built.vectors)
        _log.info(
            "%s: documents=%d passages=%d seconds=%.1f embeddings=%s",
            INITIALIZED,
            made.documents,
            made.passages,
            made.build_s,
            made.embeddings or "none",
        )
        self._on_event(INITIALIZED, made)
        return made

    async def _search(self, loaded: _Loaded, text: str, limit: int) -> list[Passage] | None:
        """None where the index is no longer the one that is loaded."""
        generation = loaded.state.generation
        vector, by_words = await asyncio.gather(
            self._vector(text), self._store.by_words(query_words(text), CANDIDATES)
        )
        if any(generation_of(number) != generation for number in by_words):
            return None
        by_vector: list[int] = []
        if vector is not None and len(loaded.vectors.numbers):
            if len(loaded.vectors.numbers) > AT_ONCE:
                by_vector = await asyncio.to_thread(_nearest, loaded.vectors, vector)
            else:
                by_vector = _nearest(loaded.vectors, vector)
        best = fused([by_vector, by_words])[:limit]
        if not best:
            current = await self._store.state()
            return [] if current is not None and current.generation == generation else None
        rows = {row.number: row for row in await self._store.passages([n for n, _ in best])}
        if len(rows) < len(best):
            return None
        return [Passage(rows[n].text, rows[n].source, round(score, 5)) for n, score in best]


def _nearest(indexed: IndexedVectors, vector: Vectors) -> list[int]:
    """Numbers of the passages that mean the same, best first."""
    similarities = indexed.vectors @ vector
    count = min(CANDIDATES, len(similarities))
    best = np.argpartition(-similarities, count - 1)[:count]
    best = best[np.argsort(-similarities[best], kind="stable")]
    return [int(indexed.numbers[n]) for n in best if similarities[n] >= LEAST_SIMILARITY]
