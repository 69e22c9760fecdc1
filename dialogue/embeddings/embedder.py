"""Vectors of sentences without holding up the event loop: one thread, and batches of who waits."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dialogue.embeddings import minilm
from dialogue.embeddings.minilm import MiniLm, Vectors
from parley import models
from parley.errors import ModelError, ParleyError

MAX_BATCH = 32
"""Texts computed at once: who comes later waits for no more than these."""

_log = logging.getLogger(__name__)


class EmbeddingError(ParleyError):
    """Vectors that cannot be made: the model's file cannot be read, or the embedder is closed."""


class TextEncoder(Protocol):
    """A sentence encoder; thread-safe. MiniLm is one."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """A unit vector a text, as rows. Blocks."""
        ...


class Embedder:
    """Computes vectors in a thread of its own; texts that wait go into the next batch together.

    A request that is cancelled before its batch begins is not computed. Belongs to one event
    loop. `load` is called once, in the thread, at the first request.
    """

    def __init__(self, load: Callable[[], TextEncoder], *, name: str) -> None:
        self.name = name
        """Of the model: vectors of different models do not compare."""
        self._load = load
        self._encoder: TextEncoder | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedding")
        self._waiting: deque[_Request] = deque()
        self._computing: asyncio.Task[None] | None = None
        self._closed = False

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """A unit vector a text, as rows of [len(texts), dimensions]. Raises EmbeddingError."""
        if self._closed:
            raise EmbeddingError("the embedder is closed")
        request = _Request(tuple(texts), asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._computing is None:
            self._computing = asyncio.create_task(self._compute(), name="embedding")
        return await request.vectors

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The same in the thread that calls it, beside what waits here: for making an index."""
        try:
            return self._loaded().encode(texts)
        except (ModelError, OSError) as error:
            raise EmbeddingError(str(error)) from error

    async def aclose(self) -> None:
        """Ends after the batch that runs; requests that wait fail."""
        self._closed = True
        for request in self._waiting:
            if not request.vectors.done():
                request.vectors.set_exception(EmbeddingError("the embedder is closed"))
        self._waiting.clear()
        if self._computing is not None:
            await asyncio.wait({self._computing})
        self._thread.shutdown(wait=False)

    async def _compute(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next_batch():
                # A turn's intent and its passages ask for the same text at once.
                texts = list(dict.fromkeys(text for request in batch for text in request.texts))
                try:
                    vectors = await loop.run_in_executor(self._thread, self.encode, texts)
                except Exception as error:
                    _log.warning("sentences cannot be embedded: %s", error)
                    _fail(batch, error)
                else:
                    _answer(batch, dict(zip(texts, vectors, strict=True)))
        finally:
            self._computing = None

    def _next_batch(self) -> "list[_Request]":
        batch: list[_Request] = []
        texts = 0
        while self._waiting and (not batch or texts + len(self._waiting[0].texts) <= MAX_BATCH):
            request = self._waiting.popleft()
            if not request.vectors.done():
                batch.append(request)
                texts += len(request.texts)
        return batch

    def _loaded(self) -> TextEncoder:
        if self._encoder is None:
            self._encoder = self._load()
        return self._encoder


@dataclass(frozen=True, eq=False)
class _Request:
    texts: tuple[str, ...]
    vectors: "asyncio.Future[Vectors]"


def _answer(batch: Sequence[_Request], vectors: Mapping[str, Vectors]) -> None:
    for request in batch:
        if not request.vectors.done():
            rows = [vectors[text] for text in request.texts]
            request.vectors.set_result(np.stack(rows) if rows else np.empty((0, 0), np.float32))


def _fail(batch: Sequence[_Request], error: Exception) -> None:
    for request in batch:
        if not request.vectors.done():
            request.vectors.set_exception(EmbeddingError(f"{type(error).__name__}: {error}"))


def open_embedder(*, fetch: bool = False) -> Embedder | None:
    """The embedder of MiniLM where the model is in the cache; None where it is not.

    `fetch`: it is fetched first (81 MB; blocks, call it in a thread); None where that fails, and
    the log says why.
    """
    try:
        folder = models.ensure(minilm.NAME) if fetch else models.cached(minilm.NAME)
    except ModelError as error:
        _log.warning("%s", error)
        return None
    if folder is None:
        _log.warning(
            "the model %s is not here, so intents and retrieval go by words alone; "
            "`python -m parley.models %s` fetches it",
            minilm.NAME,
            minilm.NAME,
        )
        return None
    return Embedder(lambda: MiniLm(folder), name=minilm.NAME)
