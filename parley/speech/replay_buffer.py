"""A source that is read once and can be replayed: what a moved call sends again."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class ReplayBuffer(Generic[Item]):
    """Keeps what `source` yields, for any number of readers.

    Owned by one caller, who starts it with `open` and ends it with `aclose`. To its readers a
    source that fails has ended; its owner finds the exception in `failure`.
    """

    def __init__(self, source: AsyncIterable[Item]) -> None:
        self._source = source
        self._items: list[Item] = []
        self._start = 0
        self._ended = False
        self._failure: Exception | None = None
        self._changed = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    @property
    def failure(self) -> Exception | None:
        return self._failure

    @property
    def start(self) -> int:
        """Position of the oldest item kept."""
        return self._start

    @property
    def end(self) -> int:
        """One past the position of the newest item."""
        return self._start + len(self._items)

    def open(self) -> None:
        """Starts taking from the source; once."""
        if self._pump is None:
            self._pump = asyncio.create_task(self._take(), name="replay-buffer")

    async def aclose(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    def drop_oldest(self) -> Item:
        """Forgets the oldest item, which no reader will ask for again, and returns it."""
        self._start += 1
        return self._items.pop(0)

    async def reaches(self, position: int) -> bool:
        """Waits until the item at `position` is there; False where the source ends before it."""
        while position >= self.end and not self._ended:
            await self._changed.wait()
        return position < self.end

    async def read(self, start: int = 0) -> AsyncGenerator[Item]:
        """Every item from position `start` on, at the earliest the oldest one kept."""
        position = start
        while True:
            await self.reaches(position)
            position = max(position, self._start)
            if position >= self.end:
                return
            yield self._items[position - self._start]
            position += 1

    async def _take(self) -> None:
        try:
            async for item in self._source:
                self._items.append(item)
                self._wake()
        except Exception as failure:
            self._failure = failure
        finally:
            self._ended = True
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
