"""An index made of the documents of a folder, in a thread that leaves the cores to others."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from dialogue.embeddings.embedder import Embedder, EmbeddingError
from dialogue.embeddings.minilm import Vectors
from dialogue.retrieval.cutting import RULES, CutPassage, cut
from dialogue.retrieval.documents import DocumentFolder
from dialogue.retrieval.retriever import RetrievalError
from dialogue.retrieval.store import IndexState
from parley.clock import Clock

BATCH = 8
"""Passages between two looks at whether the process ends."""
_NICENESS = 10


@dataclass(frozen=True)
class BuiltIndex:
    """`state` is of generation 0; the store's lock has to be held to choose another."""

    state: IndexState
    passages: Sequence[CutPassage]
    vectors: Vectors | None


class IndexBuilder:
    """Reads, cuts and embeds; `stop` has a build that runs end soon, in a RetrievalError."""

    def __init__(
        self, folder: DocumentFolder, embedder: Embedder | None, *, wall_clock: Clock
    ) -> None:
        self._folder = folder
        self._embedder = embedder
        self._wall_clock = wall_clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rag-build", initializer=_be_nice)
        self._stopped = threading.Event()

    @property
    def embeddings(self) -> str:
        return "" if self._embedder is None else self._embedder.name

    def serves(self, state: IndexState, digest: str) -> bool:
        """Whether the index is of those documents, with the vectors that this process reads.

        A process without an embedder takes any: it would take others' vectors away.
        """
        return state.digest == digest and self.embeddings in ("", state.embeddings)

    async def digest(self) -> str:
        """Of the documents and the rules they are cut by. Raises RetrievalError."""
        loop = asyncio.get_running_loop()
        documents = await loop.run_in_executor(self._thread, self._folder.digest)
        return f"{RULES}:{documents}"

    async def build(self, digest: str, known: Mapping[str, Vectors]) -> BuiltIndex:
        """`known`: vectors by the whole text of a passage. Raises RetrievalError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._build, digest, known)

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._thread.shutdown(wait=False)

    def _build(self, digest: str, known: Mapping[str, Vectors]) -> BuiltIndex:
        began_s = self._wall_clock()
        passages: list[CutPassage] = []
        documents = 0
        for document in self._folder.documents():
            documents += 1
            passages += cut(document)
            self._check()
        vectors = None if self._embedder is None else self._vectors(passages, known)
        now_s = self._wall_clock()
        state = IndexState(
            generation=0,
            digest=digest,
            embeddings=self.embeddings,
            documents=documents,
            passages=len(passages),
            built_at_s=now_s,
            build_s=round(now_s - began_s, 3),
        )
        return BuiltIndex(state, passages, vectors)

    def _vectors(
        self, passages: Sequence[CutPassage], known: Mapping[str, Vectors]
    ) -> Vectors | None:
        assert self._embedder is not None
        found = dict(known)
        missing = [whole for whole in {p.whole: None for p in passages} if whole not in found]
        missing.sort(key=len)  # batches of like length need no padding
        for begin in range(0, len(missing), BATCH):
            self._check()
            batch = missing[begin : begin + BATCH]
            try:
                found.update(zip(batch, self._embedder.encode(batch), strict=True))
            except EmbeddingError as error:
                raise RetrievalError(f"documents cannot be embedded: {error}") from error
        if not passages:
            return None
        return np.stack([found[passage.whole] for passage in passages])

    def _check(self) -> None:
        if self._stopped.is_set():
            raise RetrievalError("the index is not made: the process ends")


def _be_nice() -> None:
    """On Linux a thread has a niceness of its own: what carries audio comes first."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
