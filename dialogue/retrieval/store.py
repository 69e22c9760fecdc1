"""Where an index lies: what every store of passages does, and the types that pass through it."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from dialogue.embeddings.minilm import Vectors
from dialogue.retrieval.cutting import CutPassage

GENERATION_SHIFT = 32
"""A passage's number is its index's generation, shifted by this, and its place: numbers are never
used again, so what was looked up in one generation is not found in the next."""

Numbers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class IndexState:
    """What is indexed. `digest`: of the documents and the rules they were cut by."""

    generation: int
    digest: str
    embeddings: str
    """The model of the vectors; empty: there are none."""
    documents: int
    passages: int
    built_at_s: float
    build_s: float


@dataclass(frozen=True)
class IndexedPassage:
    number: int
    source: str
    text: str


@dataclass(frozen=True)
class IndexedVectors:
    """Row n is the vector of passage `numbers[n]`; unit vectors."""

    numbers: Numbers
    vectors: Vectors


class PassageStore(Protocol):
    """One index, which processes share. All methods raise RetrievalError."""

    @property
    def name(self) -> str:
        """For messages: without user and password."""
        ...

    async def state(self) -> IndexState | None:
        """None: there is no index yet."""
        ...

    def building(self) -> AbstractAsyncContextManager[None]:
        """Held by one process at a time; whoever enters waits. It goes with its process."""
        ...

    async def replace(
        self, state: IndexState, passages: Sequence[CutPassage], vectors: Vectors | None
    ) -> None:
        """The new index in place of the old one, whole or not at all; call it while `building`."""
        ...

    async def vectors(self, generation: int) -> IndexedVectors:
        """Those of that generation; none where the index has none, or has been replaced."""
        ...

    async def known_vectors(self, embeddings: str) -> dict[str, Vectors]:
        """By the whole text of a passage (`CutPassage.whole`), made by that model."""
        ...

    async def by_words(self, words: Sequence[str], limit: int) -> list[int]:
        """Numbers of the passages that words fit best, best first."""
        ...

    async def passages(self, numbers: Sequence[int]) -> list[IndexedPassage]:
        """Those of them that there are, in any order."""
        ...

    async def aclose(self) -> None: ...


def number_of(generation: int, place: int) -> int:
    return (generation << GENERATION_SHIFT) + place


def generation_of(number: int) -> int:
    return number >> GENERATION_SHIFT


def stacked(rows: Sequence[bytes]) -> Vectors:
    """Vectors as they are stored, one below the other."""
    if not rows:
        return np.empty((0, 0), dtype=np.float32)
    flat = np.frombuffer(b"".join(rows), dtype="<f4").astype(np.float32, copy=False)
    return flat.reshape(len(rows), -1)


def stored(vector: Vectors) -> bytes:
    return vector.astype("<f4").tobytes()
