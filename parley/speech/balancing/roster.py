"""What this client knows of each worker: its latest status, our calls, circuit and pace."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import grpc

from parley.background import background
from parley.clock import Clock, monotonic
from parley.discovery import Discovery
from parley.rpc.v1 import status_pb2
from parley.speech.balancing.circuit_breaker import CircuitBreaker
from parley.speech.balancing.picker import Candidate
from parley.speech.balancing.worker_pace import WorkerPace
from parley.speech.channel import connection_fault

REFRESH_S = 1.0
STATUS_TIMEOUT_S = 0.8
LOAD_SLACK = 2.0
"""What is asked of a worker may take so many times as long as its reported load lets expect."""

FetchStatus = Callable[[str], Awaitable[status_pb2.WorkerStatus]]
KeepOnly = Callable[[Collection[str]], Awaitable[None]]


@dataclass
class _Entry:
    circuit: CircuitBreaker
    pace: WorkerPace
    status: status_pb2.WorkerStatus | None = None
    reachable: bool = True
    fault: str | None = None
    own_calls: int = 0
    own_in_flight: int = 0
    load_of_others: int = 0


class OwnCall:
    """A call of ours, which takes a slot or only waits for text."""

    def __init__(self, entry: _Entry) -> None:
        self._entry = entry
        self._is_busy = False

    def keeps_busy(self, busy: bool) -> None:
        """Whether the worker has something to do for it now."""
        self._entry.own_in_flight += busy - self._is_busy
        self._is_busy = busy


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
    _entries: dict[str, _Entry] = field(default_factory=dict, init=False)
    _updated: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        async with background(self._watch(), name="roster"):
            yield

    def candidates(self) -> list[Candidate]:
        return [
            self._candidate(worker.target, draining=worker.draining)
            for worker in self.discovery.workers()
        ]

    def named(self, target: str) -> str:
        """The worker for a message: its address, and why no connection comes about, if known."""
        fault = self._entry(target).fault
        return f"{target}: {fault}" if fault else target

    def circuit(self, target: str) -> CircuitBreaker:
        return self._entry(target).circuit

    def pace(self, target: str) -> WorkerPace:
        return self._entry(target).pace

    def expected_s(self, target: str) -> float:
        """What one more request waits for there, as it last reported; 0 while nothing is known,
        or where it has not answered lately."""
        entry = self._entry(target)
        known = entry.status if entry.reachable else None
        return _expected_s(known) if known is not None else 0.0

    @contextmanager
    def call(self, target: str) -> Iterator["OwnCall"]:
        """Counts a call of ours at the worker while it runs; at first it keeps the worker busy."""
        entry = self._entry(target)
        entry.circuit.begin()
        entry.own_calls += 1
        call = OwnCall(entry)
        call.keeps_busy(True)
        try:
            yield call
        finally:
            call.keeps_busy(False)
            entry.own_calls -= 1

    async def refresh(self) -> None:
        """Asks every worker once; forgets those that discovery no longer lists."""
        targets = [worker.target for worker in self.discovery.workers()]
        await asyncio.gather(*(self._refresh(target) for target in targets))
        for target in set(self._entries).difference(targets):
            if not self._entries[target].own_calls:
                del self._entries[target]
        await self.keep_only(set(self._entries).union(targets))

    async def updated(self) -> None:
        """Waits until every worker has been asked once more."""
        await self._updated.wait()

    async def _watch(self) -> None:
        while True:
            await self.refresh()
            self._updated.set()
            self._updated = asyncio.Event()
            await asyncio.sleep(REFRESH_S)

    async def _refresh(self, target: str) -> None:
        entry = self._entry(target)
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_S):
                entry.status = await self.fetch_status(target)
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            entry.reachable = False
            entry.fault = None if isinstance(error, TimeoutError) else connection_fault(error)
        else:
            # Ours are counted as they come and go; the report is up to a second old.
            reported = entry.status.in_flight + entry.status.queue_depth
            entry.load_of_others = max(0, reported - entry.own_in_flight)
            if not entry.reachable:
                entry.circuit.succeeded()
            entry.reachable, entry.fault = True, None

    def _entry(self, target: str) -> _Entry:
        return self._entries.setdefault(
            target, _Entry(CircuitBreaker(self.clock), WorkerPace(self.clock))
        )

    def _candidate(self, target: str, *, draining: bool) -> Candidate:
        entry = self._entry(target)
        status = entry.status
        if status is None:
            return Candidate(
                target=target,
                own_in_flight=entry.own_in_flight,
                own_open=entry.own_calls,
                draining=draining,
                reachable=entry.reachable,
                circuit_closed=entry.circuit.closed,
            )
        resident = status_pb2.VOICE_RESIDENCY_RESIDENT
        return Candidate(
            target=target,
            slots=status.slots,
            own_in_flight=entry.own_in_flight,
            own_open=entry.own_calls,
            reported_load=entry.load_of_others,
            expected_s=_expected_s(status),
            draining=draining or status.draining,
            reachable=entry.reachable,
            circuit_closed=entry.circuit.closed,
            slow=entry.pace.is_slow(e.pace for e in self._entries.values() if e is not entry),
            voices=frozenset(voice.name for voice in status.voices) or None,
            resident=frozenset(v.name for v in status.voices if v.residency == resident),
        )


def _expected_s(status: status_pb2.WorkerStatus) -> float:
    recent_s: float = status.recent_work.ToTimedelta().total_seconds()
    return (status.pending + 1) * recent_s
