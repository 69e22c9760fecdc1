"""The scoreboard of a process that asks the workers itself: status, calls, circuits and pace."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import grpc

from parley.background import background
from parley.clock import Clock, monotonic
from parley.discovery import Discovery
from parley.discovery.lease import Kind
from parley.rpc.v1 import status_pb2
from parley.speech.balancing.circuit_breaker import CircuitBreaker
from parley.speech.balancing.hedging import HedgeBudget
from parley.speech.balancing.picker import Candidate
from parley.speech.balancing.scoreboard import OwnCall
from parley.speech.balancing.worker_pace import WorkerPace, slow_among
from parley.speech.channel import Channels, connection_fault
from parley.speech.status import Reported, worker_status

REFRESH_S = 1.0
STATUS_TIMEOUT_S = 0.8
SPREAD_S = 0.01
LOAD_SLACK = 2.0
"""What is asked of a worker may take so many times as long as its reported load lets expect."""

FetchStatus = Callable[[str], Awaitable[status_pb2.WorkerStatus]]
KeepOnly = Callable[[Collection[str]], Awaitable[None]]


@dataclass
class _Entry:
    circuit: CircuitBreaker
    pace: WorkerPace
    reported: Reported | None = None
    reachable: bool = True
    fault: str | None = None
    own_open: int = 0
    own_in_flight: int = 0
    load_of_others: int = 0

    def count(self, opened: int, busy: int) -> None:
        self.own_open += opened
        self.own_in_flight += busy


@dataclass
class Roster:
    """Asks every known worker for its status once a second while `watching`.

    `fetch_status` takes a target and raises grpc.aio.AioRpcError when the worker does not answer.
    `keep_only` is told which targets are still of interest.
    """

    discovery: Discovery
    fetch_status: FetchStatus
    keep_only: KeepOnly
    clock: Clock = monotonic
    hedges: HedgeBudget = field(default_factory=HedgeBudget)
    _entries: dict[str, _Entry] = field(default_factory=dict, init=False)
    _updated: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        async with self.discovery.watching():
            await self.refresh()
            async with background(self._watch(), name="roster"):
                yield

    def candidates(self) -> list[Candidate]:
        slow = slow_among({target: entry.pace for target, entry in self._entries.items()})
        return [
            self._candidate(worker.target, draining=worker.draining, slow=worker.target in slow)
            for worker in self.discovery.workers()
        ]

    def knows(self, target: str) -> bool:
        """Whether it is a worker of this kind, or was while one of our calls has been open."""
        return target in self._entries or any(
            worker.target == target for worker in self.discovery.workers()
        )

    def standing(self, target: str) -> tuple[bool, bool, bool]:
        """What all who pick have to know at once, where it changes: whether the worker rests, is
        on trial, and has a known pace."""
        entry = self._entry(target)
        pace_is_known = entry.pace.first_audio_s is not None
        return entry.circuit.closed, entry.circuit.on_trial, pace_is_known

    def rests(self, target: str) -> bool:
        """Whether the worker was lost lately and is to be left alone."""
        entry = self._entries.get(target)
        return entry is not None and not entry.circuit.closed

    def fault(self, target: str) -> str | None:
        """Why no connection to the worker comes about, if that is known."""
        return self._entry(target).fault

    def named(self, target: str) -> str:
        fault = self.fault(target)
        return f"{target}: {fault}" if fault else target

    def expected_s(self, target: str) -> float:
        entry = self._entry(target)
        known = entry.reported if entry.reachable else None
        return known.expected_s if known is not None else 0.0

    @contextmanager
    def call(self, target: str) -> Iterator[OwnCall]:
        self.begin(target)
        call = OwnCall(self._entry(target).count)
        try:
            yield call
        finally:
            call.end()

    def begin(self, target: str) -> None:
        """A call goes to the worker: the one that tries it, where it was lost or slow."""
        entry = self._entry(target)
        entry.circuit.begin()
        entry.pace.begin()

    def count(self, target: str, opened: int, busy: int) -> None:
        """So many more calls are open there, and so many more keep it busy; may be negative."""
        self._entry(target).count(opened, busy)

    def lost(self, target: str) -> None:
        self._entry(target).circuit.lost()

    def answered(self, target: str) -> None:
        self._entry(target).circuit.succeeded()

    def sounded(self, target: str, first_audio_s: float) -> None:
        self._entry(target).pace.note(first_audio_s)

    def earn_hedge(self) -> None:
        self.hedges.earn()

    def spend_hedge(self) -> bool:
        return self.hedges.spend()

    async def refresh(self) -> None:
        """Asks every worker once, all at the same time; forgets those that discovery no longer
        lists."""
        await self._ask_all(over_s=0.0)

    async def updated(self) -> None:
        await self._updated.wait()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            count = len(self.discovery.workers())
            await self._ask_all(over_s=min(REFRESH_S, SPREAD_S * count))
            self._updated.set()
            self._updated = asyncio.Event()
            await asyncio.sleep(max(SPREAD_S, began + REFRESH_S - loop.time()))

    async def _ask_all(self, *, over_s: float) -> None:
        """One after the other within so long: the answers of a hundred workers at once would hold
        the event loop for tenths of a second."""
        targets = [worker.target for worker in self.discovery.workers()]
        await asyncio.gather(
            *(
                self._refresh(target, after_s=over_s * number / len(targets))
                for number, target in enumerate(targets)
            )
        )
        targets = [worker.target for worker in self.discovery.workers()]
        for target in set(self._entries).difference(targets):
            if not self._entries[target].own_open:
                del self._entries[target]
        await self.keep_only(set(self._entries).union(targets))

    async def _refresh(self, target: str, *, after_s: float) -> None:
        if after_s:
            await asyncio.sleep(after_s)
        entry = self._entry(target)
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_S):
                reported = Reported.of(await self.fetch_status(target))
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            entry.reachable = False
            entry.fault = None if isinstance(error, TimeoutError) else connection_fault(error)
        else:
            entry.reported = reported
            # Ours are counted as they come and go; the report is up to a second old.
            entry.load_of_others = max(0, reported.load - entry.own_in_flight)
            if not entry.reachable:
                entry.circuit.succeeded()
            entry.reachable, entry.fault = True, None

    def _entry(self, target: str) -> _Entry:
        entry = self._entries.get(target)
        if entry is None:
            entry = _Entry(CircuitBreaker(self.clock), WorkerPace(self.clock))
            self._entries[target] = entry
        return entry

    def _candidate(self, target: str, *, draining: bool, slow: bool) -> Candidate:
        entry = self._entry(target)
        reported = entry.reported
        return Candidate(
            target=target,
            slots=reported.slots if reported is not None else 1,
            own_in_flight=entry.own_in_flight,
            own_open=entry.own_open,
            reported_load=entry.load_of_others,
            expected_s=reported.expected_s if reported is not None else 0.0,
            draining=draining or (reported is not None and reported.draining),
            reachable=entry.reachable,
            circuit_closed=entry.circuit.closed,
            on_trial=entry.circuit.on_trial,
            slow=slow,
            voices=reported.voices if reported is not None else None,
            stored=reported.stored if reported is not None else frozenset(),
            resident=reported.resident if reported is not None else frozenset(),
        )


def asking_roster(
    discovery: Discovery, channels: Channels, kind: Kind, clock: Clock = monotonic
) -> Roster:
    """One that asks over `channels`, and lets go of those to workers that are no more."""

    async def status(target: str) -> status_pb2.WorkerStatus:
        return await worker_status(channels.to(target), kind)

    return Roster(discovery, status, channels.forget_others, clock)
