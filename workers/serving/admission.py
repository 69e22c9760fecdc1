"""Admission: a worker works on at most its slots, lets few wait a moment, and refuses the rest.

A stream that is listened to all the time has its slot all the time (`admitted`). One that speaks
takes a slot for each text (`by_text`): what is being heard was made long ago, and would keep a slot
from who waits for speech. Streams that speak already come first, so that a worker that is full
refuses the new ones and lets nobody's speech break off.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from workers.serving.errors import resource_exhausted, unavailable

OPEN_PER_SLOT = 8
"""So many speaking streams may be open for each slot: speech is made several times as fast as it
is heard."""
UNUSED_S = 1.0
"""The slot that a stream has opened with goes to others when its first text takes longer."""
NEXT_TEXT_WAIT_S = 10.0
"""A later text waits so long for a slot; its client gives up sooner, or has nobody else to ask."""
SHORTEST_RETRY_S, LONGEST_RETRY_S = 0.1, 2.0
_NEWEST_SHARE = 0.2


class Slots:
    """The slots of a worker; belongs to one event loop.

    At most as many new streams wait as there are slots, each for `queue_wait_s`; what comes
    beyond is refused at once, so that the client asks another worker.
    """

    def __init__(self, count: int, *, queue_wait_s: float) -> None:
        self.count = count
        self._queue_wait_s = queue_wait_s
        self._in_flight = 0
        self._open = 0
        self._new: deque[asyncio.Future[None]] = deque()
        self._speaking: deque[asyncio.Future[None]] = deque()
        self._work_s = 0.0
        self._first_s = 0.0
        """When the first slot was taken, of those that are."""
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def in_flight(self) -> int:
        """Slots that are taken."""
        return self._in_flight

    @property
    def open(self) -> int:
        """Streams that were admitted and have not ended."""
        return self._open

    @property
    def queue_depth(self) -> int:
        return len(self._new) + len(self._speaking)

    @property
    def rounds(self) -> int:
        """How often all slots together are taken or waited for."""
        return (self._in_flight + self.queue_depth) // self.count

    @property
    def recent_work_s(self) -> float:
        """How long a slot was held lately; before the first was given back, how long one has been
        held by now."""
        return self._work_s or (time.monotonic() - self._first_s if self._in_flight else 0.0)

    @property
    def draining(self) -> bool:
        return self._closed

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[float]:
        """Holds a slot inside the block; gives the seconds that were waited for it.

        Raises CallError: RESOURCE_EXHAUSTED when none gets free in time, UNAVAILABLE while
        draining. Leaving the block in any way, cancellation too, frees the slot.
        """
        async with self._opened(self._queue_wait_s) as turns:
            yield turns.waited_s

    @asynccontextmanager
    async def by_text(self, *, wait_s: float | None = None) -> AsyncIterator["SlotPerText"]:
        """Admits a stream that takes a slot for each of its texts, and has one at once.

        `wait_s`: no longer than that is it to wait. Raises CallError as `admitted` does, and
        RESOURCE_EXHAUSTED as well where too many streams are open.
        """
        if self._open >= OPEN_PER_SLOT * self.count:
            self._refuse_when_closed()
            raise self._exhausted(f"all {self._open} streams that may be open are")
        limit_s = self._queue_wait_s if wait_s is None else min(wait_s, self._queue_wait_s)
        async with self._opened(limit_s) as turns:
            turns.give_back_unless_used()
            yield turns

    @asynccontextmanager
    async def _opened(self, wait_s: float) -> AsyncIterator["SlotPerText"]:
        began_s = time.monotonic()
        self._refuse_when_closed()
        if self._full and (len(self._new) >= self.count or not wait_s):
            raise self._exhausted()
        await self._acquire(self._new, wait_s)
        turns = SlotPerText(self, waited_s=time.monotonic() - began_s)
        self._open += 1
        self._idle.clear()
        try:
            self._refuse_when_closed()
            yield turns
        finally:
            turns.release()
            self._open -= 1
            if not self._open:
                self._idle.set()

    def close(self) -> None:
        """Admits no new stream from now on; those that are open go on."""
        self._closed = True

    async def idle(self) -> None:
        """Returns once no stream is open."""
        await self._idle.wait()

    async def acquire_next(self) -> None:
        """Takes a slot for a stream that is open, before all new ones.

        Raises CallError: RESOURCE_EXHAUSTED when none gets free for long.
        """
        await self._acquire(self._speaking, NEXT_TEXT_WAIT_S)

    def release(self, *, worked_s: float) -> None:
        """Gives back a slot that was held so long."""
        self._work_s += (_NEWEST_SHARE if self._work_s else 1.0) * (worked_s - self._work_s)
        self._in_flight -= 1
        self._hand_on()

    @property
    def _full(self) -> bool:
        return self._in_flight >= self.count or bool(self._speaking)

    async def _acquire(self, queue: deque[asyncio.Future[None]], wait_s: float) -> None:
        ahead = bool(self._speaking) or (queue is self._new and bool(self._new))
        if self._in_flight < self.count and not ahead:
            self._first_s = self._first_s if self._in_flight else time.monotonic()
            self._in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(wait_s):
                await turn
        except TimeoutError:
            self._leave(turn, queue)
            raise self._exhausted() from None
        except asyncio.CancelledError:
            self._leave(turn, queue)
            raise

    def _leave(self, turn: asyncio.Future[None], queue: deque[asyncio.Future[None]]) -> None:
        if turn in queue:
            queue.remove(turn)
        elif turn.done() and not turn.cancelled():  # it was its turn just now: others have it
            self._in_flight -= 1
        self._hand_on()

    def _hand_on(self) -> None:
        """Gives the free slots to those that wait, the ones that speak already first."""
        while self._in_flight < self.count and (queue := self._speaking or self._new):
            turn = queue.popleft()
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise unavailable("this worker is draining; ask another", reason="DRAINING")

    def _exhausted(self, message: str | None = None) -> Exception:
        wait_s = self._work_s * (self.queue_depth + 1) / self.count
        return resource_exhausted(
            message or f"all {self.count} slots are taken",
            retry_after_s=min(LONGEST_RETRY_S, max(SHORTEST_RETRY_S, wait_s)),
        )


class SlotPerText:
    """One stream's slot, which it has or has not."""

    def __init__(self, slots: Slots, *, waited_s: float) -> None:
        self.waited_s = waited_s
        self._slots = slots
        self._taken_at_s: float | None = time.monotonic()
        self._unused: asyncio.TimerHandle | None = None

    def give_back_unless_used(self) -> None:
        """Others get the slot unless the stream works within a moment."""
        self._unused = asyncio.get_running_loop().call_later(UNUSED_S, self.release)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Holds a slot inside the block, waiting for one where the stream has none.

        Raises CallError: RESOURCE_EXHAUSTED when none gets free for long.
        """
        if self._unused is not None:
            self._unused.cancel()
        if self._taken_at_s is None:
            await self._slots.acquire_next()
        self._taken_at_s = time.monotonic()
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Gives the slot back, if the stream has one."""
        if self._unused is not None:
            self._unused.cancel()
        if self._taken_at_s is not None:
            worked_s, self._taken_at_s = time.monotonic() - self._taken_at_s, None
            self._slots.release(worked_s=worked_s)
