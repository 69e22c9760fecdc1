"""The discovery interface."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class WorkerAddress:
    """One speech worker: `target` is its host:port."""

    target: str
    draining: bool = False
    """It has announced that it finishes what runs and admits nothing."""


class Discovery(Protocol):
    """Knows the workers of one kind (synthesis or recognition)."""

    def workers(self) -> tuple[WorkerAddress, ...]:
        """The workers known now; the last known ones while the source cannot be read."""
        ...

    def watching(self) -> AbstractAsyncContextManager[None]:
        """Keeps the answer of `workers` fresh inside the block, which it has from the start."""
        ...
