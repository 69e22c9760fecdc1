"""A job's scoreboard: what its node knows, with the job's own calls counted as they are now."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace

from parley.background import background
from parley.discovery.lease import Kind
from parley.speech.balancing.picker import Candidate
from parley.speech.balancing.roster import REFRESH_S, Roster
from parley.speech.balancing.scoreboard import OwnCall
from parley.speech.node.link import NodeLink
from parley.speech.node.wire import MOST_CALLS, SLOWEST_AUDIO_S

ALONE_AFTER_S = 1.0
"""A server that comes back within this time is not missed."""
FORGET_EVERY_S = 10.0


@dataclass
class _Own:
    """Our calls at one worker: as they are, and as the node's rows count them."""

    open: int = 0
    busy: int = 0
    counted: tuple[int, int] = (0, 0)
    told: deque[tuple[int, tuple[int, int]]] = field(default_factory=deque)
    """Reports on their way: number, calls."""

    @property
    def over(self) -> bool:
        return not (self.open or self.told or self.counted != (0, 0))

    def acknowledged(self, ack: int) -> None:
        while self.told and self.told[0][0] <= ack:
            self.counted = self.told.popleft()[1]


class MirroredScoreboard:
    """Reads the link's table; while the link is down, it goes on with the last that came, and
    after a second with `local`, which then asks the workers itself. Whatever is seen is told to
    both, so that neither begins anew."""

    def __init__(self, kind: Kind, link: NodeLink, local: Roster) -> None:
        self._kind: Kind = kind
        self._link = link
        self._local = local
        self._table = link.tables[kind]
        self._own: dict[str, _Own] = {}
        self._lost_in: dict[str, int] = {}
        """The reports of losses that the rows do not show yet."""
        self._stands_in = False
        link.follow(self)

    @property
    def stands_in(self) -> bool:
        """Whether the workers are asked from here."""
        return self._stands_in

    @property
    def hedges(self) -> float:
        """That may start now, all calls of the node together."""
        return self._table.hedges

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        ready = asyncio.Event()
        async with background(self._stand_in(ready), name=f"{self._kind}-stand-in"):
            await ready.wait()
            yield

    def candidates(self) -> list[Candidate]:
        if self._stands_in and (known := self._local.candidates()):
            return known
        if not self._link.up.is_set():
            return [self._as_it_is(candidate) for candidate in self._table.workers.values()]
        own = self._own.keys() | self._lost_in.keys()
        return [
            self._as_it_is(candidate) if target in own else candidate
            for target, candidate in self._table.workers.items()
        ]

    def named(self, target: str) -> str:
        if self._stands_in:
            return self._local.named(target)
        fault = self._table.faults.get(target)
        return f"{target}: {fault}" if fault else target

    def expected_s(self, target: str) -> float:
        if self._stands_in:
            return self._local.expected_s(target)
        worker = self._table.workers.get(target)
        return worker.expected_s if worker is not None and worker.reachable else 0.0

    @contextmanager
    def call(self, target: str) -> Iterator[OwnCall]:
        self._local.begin(target)
        call = OwnCall(lambda opened, busy: self._count(target, opened, busy))
        try:
            yield call
        finally:
            call.end()

    def lost(self, target: str) -> None:
        self._local.lost(target)
        if number := self._link.report(self._kind, target, lost=True):
            self._lost_in[target] = number

    def answered(self, target: str) -> None:
        self._local.answered(target)
        worker = self._table.workers.get(target)
        if target in self._lost_in or (worker is not None and worker.on_trial):
            self._link.report(self._kind, target, answered=True)

    def sounded(self, target: str, first_audio_s: float) -> None:
        self._local.sounded(target, first_audio_s)
        told_s = min(SLOWEST_AUDIO_S, max(0.0, first_audio_s))
        self._link.report(self._kind, target, first_audio_s=told_s)

    def earn_hedge(self) -> None:
        self._local.earn_hedge()
        self._link.report(self._kind, asked=True)

    def spend_hedge(self) -> bool:
        if not self._link.up.is_set():
            return self._local.spend_hedge()
        if self._table.hedges < 1.0:
            return False
        self._table.hedges -= 1.0
        self._link.report(self._kind, hedged=True)
        return True

    async def updated(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(REFRESH_S):
                await (self._local.updated() if self._stands_in else self._link.pushed())

    # --- what the link tells

    def connected(self) -> None:
        self._lost_in.clear()
        for target, own in list(self._own.items()):
            own.told.clear()
            own.counted = (0, 0)
            if own.open:
                self._tell(target, own)
            else:
                del self._own[target]

    def pushed(self, ack: int) -> None:
        for target, own in list(self._own.items()):
            own.acknowledged(ack)
            if own.over:
                del self._own[target]
        for target, number in list(self._lost_in.items()):
            if number <= ack:
                del self._lost_in[target]

    def disconnected(self) -> None:
        self._lost_in.clear()
        for own in self._own.values():
            own.told.clear()

    # ---

    def _count(self, target: str, opened: int, busy: int) -> None:
        self._local.count(target, opened, busy)
        own = self._own.setdefault(target, _Own())
        own.open += opened
        own.busy += busy
        self._tell(target, own, began=opened > 0)

    def _tell(self, target: str, own: _Own, *, began: bool = False) -> None:
        calls = min(MOST_CALLS, own.open), min(MOST_CALLS, own.busy)
        if number := self._link.report(self._kind, target, calls=calls, began=began):
            own.told.append((number, calls))

    def _as_it_is(self, candidate: Candidate) -> Candidate:
        target = candidate.target
        own = self._own.get(target, _NONE)
        rests = target in self._lost_in
        if not self._link.up.is_set():
            rests = self._local.rests(target)
        return replace(
            candidate,
            own_open=max(0, candidate.own_open - own.counted[0] + own.open),
            own_in_flight=max(0, candidate.own_in_flight - own.counted[1] + own.busy),
            circuit_closed=candidate.circuit_closed and not rests,
        )

    async def _stand_in(self, ready: asyncio.Event) -> None:
        """Asks the workers from here whenever the link is down; `ready` once something is known."""
        try:
            while True:
                if self._link.up.is_set():
                    ready.set()
                    await self._until_missed()
                else:
                    await self._ask_from_here(ready)
        finally:
            ready.set()

    async def _until_missed(self) -> None:
        """Until the link is down and does not come back soon; meanwhile lets go of the connections
        to workers that are no more."""
        down, up = self._link.down, self._link.up
        while not down.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FORGET_EVERY_S):
                    await down.wait()
            await self._local.keep_only(self._table.workers.keys() | self._own.keys())
        with suppress(TimeoutError):
            async with asyncio.timeout(ALONE_AFTER_S):
                await up.wait()

    async def _ask_from_here(self, ready: asyncio.Event) -> None:
        try:
            async with self._local.watching():
                self._stands_in = True
                ready.set()
                await self._link.up.wait()
        finally:
            self._stands_in = False


_NONE = _Own()
