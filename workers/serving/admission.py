"""Admission: a worker runs at most its slots, lets few wait a moment, and refuses the rest."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parley.telemetry import metrics
from workers.serving.errors import resource_exhausted, unavailable

_SHORTEST_RETRY_S = 0.1


class Slots:
    """The streams a worker runs at once; belongs to one event loop.

    At most as many streams wait as there are slots, each for `queue_wait_s`; what comes beyond
    is refused at once, so that the client asks another worker.
    """

    def __init__(self, count: int, *, queue_wait_s: float) -> None:
        self.count = count
        self._queue_wait_s = queue_wait_s
        self._free = asyncio.Semaphore(count)
        self._in_flight = 0
        self._waiting = 0
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._report()

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def queue_depth(self) -> int:
        return self._waiting

    @property
    def draining(self) -> bool:
        return self._closed

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[float]:
        """Holds a slot inside the block; gives the seconds that were waited for it.

        Raises CallError: RESOURCE_EXHAUSTED when none gets free in time, UNAVAILABLE while
        draining. Leaving the block in any way, cancellation too, frees the slot.
        """
        began = time.monotonic()
        await self._acquire()
        self._in_flight += 1
        self._idle.clear()
        self._report()
        try:
            yield time.monotonic() - began
        finally:
            self._free.release()
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()
            self._report()

    def close(self) -> None:
        """Admits nothing from now on; what runs goes on."""
        self._closed = True

    async def idle(self) -> None:
        """Returns once nothing runs."""
        await self._idle.wait()

    async def _acquire(self) -> None:
        self._refuse_when_closed()
        if self._free.locked() and (self._waiting >= self.count or not self._queue_wait_s):
            raise self._exhausted()
        self._waiting += 1
        self._report()
        try:
            async with asyncio.timeout(self._queue_wait_s or None):
                await self._free.acquire()
        except TimeoutError:
            raise self._exhausted() from None
        finally:
            self._waiting -= 1
            self._report()
        if self._closed:
            self._free.release()
            self._refuse_when_closed()

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise unavailable("this worker is draining; ask another", reason="DRAINING")

    def _exhausted(self) -> Exception:
        return resource_exhausted(
            f"all {self.count} slots are taken", retry_after_s=self._retry_after_s
        )

    @property
    def _retry_after_s(self) -> float:
        return max(_SHORTEST_RETRY_S, self._queue_wait_s)

    def _report(self) -> None:
        metrics.synthesis_queue_depth.set(self._waiting)
        metrics.worker_utilization_percent.set(100 * self._in_flight / self.count)
