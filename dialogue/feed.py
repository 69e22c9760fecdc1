"""Events on their way from the tasks that make them to the one that reads them."""

import asyncio
from collections import deque

from parley.app.events import Event


class Feed:
    """Loses nothing to a reader that is cancelled or gives up: what it did not take stays."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: deque[Event] = deque()
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, event: Event) -> None:
        """From any thread; ignored once the feed is closed."""
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            self._put(event)
        else:
            self._loop.call_soon_threadsafe(self._put, event)

    def wake(self) -> None:
        """Has the reader look anew at how long it waits."""
        self._changed.set()

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    @property
    def is_over(self) -> bool:
        return self._closed and not self._events

    def take(self) -> Event | None:
        """The next event, if there is one."""
        return self._events.popleft() if self._events else None

    async def change(self, *, timeout_s: float | None) -> None:
        """Returns once something was put, woken or closed, or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def _put(self, event: Event) -> None:
        if not self._closed:
            self._events.append(event)
            self._changed.set()
