"""What is broken, how it is mended, and what a caller may notice of it at most."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.chaos.hangable_worker import HANG_S, HANG_SIGNAL
from bench.chaos.system import System
from bench.worker_process import WorkerProcess
from parley.errors import SupervisorError

NOTICED_S = 4.0
"""Longer than the pool waits for anything: by now the utterance has moved, or never will."""
DRAINED_S = 90.0
BACK_S = 15.0
REGISTERED_S = 5.0

Mend = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Hit:
    """What was hit, and what came of it."""

    target: str
    cpu_ms: float
    """CPU time that the worker had used in the 100 ms before: above 0, it was making sound."""
    moved: bool
    """Whether another worker had the utterance afterwards."""
    mend: Mend
    """Brings back what was lost; returns when it is there. Raises SupervisorError."""


Strike = Callable[[System], Awaitable[Hit]]


@dataclass(frozen=True)
class Case:
    """One kind of fault. `moves`: whether another worker must go on with the utterance."""

    name: str
    summary: str
    strike: Strike
    gap_s: float
    moves: bool = False
    needs_redis: bool = False
    outlasts: bool = False
    """The fault lasts through later replies and calls."""
    lost: int = 0
    repeated: int = 1


async def _speaking(system: System) -> tuple[WorkerProcess, float]:
    """The worker with the utterance, and its CPU time of the next 100 ms."""
    worker = await system.speaking(within_s=NOTICED_S)
    before_s = worker.cpu_s()
    await asyncio.sleep(0.1)
    return worker, round(1000 * (worker.cpu_s() - before_s))


async def _kill(system: System) -> Hit:
    worker, cpu_ms = await _speaking(system)
    worker.signal(signal.SIGKILL)
    moved = await system.taken_over(worker, within_s=NOTICED_S)

    async def mend() -> None:
        await worker.stop()
        await worker.start()

    return Hit(worker.name, cpu_ms, moved, mend)


async def _freeze(system: System) -> Hit:
    worker, cpu_ms = await _speaking(system)
    worker.signal(signal.SIGSTOP)
    moved = await system.taken_over(worker, within_s=NOTICED_S)

    async def mend() -> None:
        worker.signal(signal.SIGCONT)
        await system.answers(worker, within_s=BACK_S)

    return Hit(worker.name, cpu_ms, moved, mend)


async def _block(system: System) -> Hit:
    worker, cpu_ms = await _speaking(system)
    worker.signal(HANG_SIGNAL)
    moved = await system.taken_over(worker, within_s=NOTICED_S)

    async def mend() -> None:
        await system.answers(worker, within_s=HANG_S + BACK_S)

    return Hit(worker.name, cpu_ms, moved, mend)


async def _drain(system: System) -> Hit:
    worker, cpu_ms = await _speaking(system)
    worker.signal(signal.SIGTERM)

    async def mend() -> None:
        how = await worker.ended(within_s=DRAINED_S)
        if how != "exit status 0":
            raise SupervisorError(f"{worker.name} was drained and ended with {how}")
        await worker.stop()
        await worker.start()

    moved = await system.taken_over(worker, within_s=NOTICED_S)
    return Hit(worker.name, cpu_ms, moved, mend)


async def _restart_redis(system: System) -> Hit:
    worker, cpu_ms = await _speaking(system)
    assert system.redis is not None
    await system.redis.stop()
    await system.redis.start()
    moved = await system.taken_over(worker, within_s=NOTICED_S)

    async def mend() -> None:
        await _registered_again(system)

    return Hit("redis", cpu_ms, moved, mend)


async def _take_redis(system: System) -> Hit:
    """Takes Redis away in the middle of a reply; mending brings it back."""
    worker, cpu_ms = await _speaking(system)
    assert system.redis is not None
    await system.redis.stop()
    moved = await system.taken_over(worker, within_s=NOTICED_S)

    async def mend() -> None:
        assert system.redis is not None
        await system.redis.start()
        await _registered_again(system)

    return Hit("redis", cpu_ms, moved, mend)


async def _registered_again(system: System) -> None:
    """Raises SupervisorError where a worker holds no lease after 5 s."""
    assert system.redis is not None
    took_s = await system.redis.registered(len(system.workers), within_s=REGISTERED_S)
    if took_s is None:
        raise SupervisorError(f"not every worker registered again within {REGISTERED_S:.0f} s")


CASES = {
    case.name: case
    for case in (
        Case("kill", "the worker is killed (SIGKILL)", _kill, gap_s=0.4, moves=True),
        Case("freeze", "the worker is frozen (SIGSTOP)", _freeze, gap_s=2.0, moves=True),
        Case("blocked", "the worker's event loop hangs for 8 s", _block, gap_s=2.0, moves=True),
        Case("drain", "the worker is told to end (SIGTERM)", _drain, gap_s=0.15),
        Case(
            "redis-restart",
            "Redis is killed and comes back empty",
            _restart_redis,
            gap_s=0.15,
            needs_redis=True,
        ),
        Case(
            "redis-gone",
            "Redis is away for 60 s (short: 10 s), for this reply, later ones, and a new call",
            _take_redis,
            gap_s=0.15,
            needs_redis=True,
            outlasts=True,
        ),
    )
}
