"""What finds passages, wherever it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from parley.errors import ParleyError

DEFAULT_LIMIT = 4
"""Passages that a query gives, unless it says otherwise."""


class RetrievalError(ParleyError):
    """Passages that cannot be had: no index yet, the service is away, or answers nonsense."""


@dataclass(frozen=True)
class Passage:
    """A part of a document. `source` names the document, and the heading it is under.

    `score` is higher for what fits better; scores of different queries do not compare.
    """

    text: str
    source: str
    score: float


@dataclass(frozen=True)
class RetrievalStats:
    """What is indexed: `state` is empty, building, ready or remote."""

    state: str
    documents: int = 0
    passages: int = 0
    built_at_s: float | None = None
    """Unix time at which the index was made."""
    build_s: float | None = None
    """Seconds that making it took."""
    queries: int = 0
    """Of this process."""
    embeddings: str = ""
    """The model whose vectors are indexed; empty: words alone are."""


class Retriever(Protocol):
    """Finds passages; one object serves all sessions of a process."""

    async def query(self, text: str, limit: int = DEFAULT_LIMIT) -> Sequence[Passage]:
        """The passages that fit best, best first; it may be cancelled at any time.

        Waits for an index that is being made: who has a deadline cancels. Raises RetrievalError.
        """
        ...

    async def stats(self) -> RetrievalStats:
        """Raises RetrievalError."""
        ...

    async def aclose(self) -> None: ...
