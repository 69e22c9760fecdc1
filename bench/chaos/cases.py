"""What is broken, how it is mended, and what a caller may notice of it at most."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.chaos.hangable_worker import HANG_S, HANG_SIGNAL
from bench.chaos.system import System
from parley.errors import SupervisorError
from testkit.worker_process import WorkerProcess

NOTICED_S = 4.0
"""Longer than the pool waits for anything: by now the utterance has moved, or never will."""
MAKING_WITHIN_S = 2.0
LOOK_S = 0.04
DRAINED_S = 90.0
BACK_S = 15.0
REGISTERED_S = 5.0
FROZEN_S = 6.0
FROZEN_GAP_S = FROZEN_S + 2.0
FROZEN_REPEATED = 8
"""What was on its way when the line was lost is said again: some two seconds of speech."""
KILL_GAP_S = 0.4
"""Also of what may not be noticed at all: replies to which nothing happens differ by up to 0.3 s,
for the voice never pauses twice alike."""

Mend = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Hit:
    """What was hit, and what came of it."""

    target: str
    making: bool
    """Whether the worker with the utterance was making sound of it at that moment."""
    at: float
    """The event loop's time of the blow."""
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
    hears: bool = False
    """The agent has to hear the caller: that their packets do not come is what it goes by."""
    outlasts: bool = False
    """The fault lasts through later replies and calls."""
    lost: int = 0
    repeated: int = 1


@dataclass(frozen=True)
class _Aim:
    """The worker with the utterance, whether it makes sound of it, and the loop's time."""

    worker: WorkerProcess
    making: bool
    at: float


async def _aim(system: System) -> _Aim:
    """Finds the worker, and waits until it makes sound.

    It is seen to by its CPU time, most of a core's; waiting, for text or for the listener, it
    uses next to none.
    """
    worker = await system.speaking(within_s=NOTICED_S)
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + MAKING_WITHIN_S
    while loop.time() < give_up_at:
        before_s = worker.cpu_s()
        await asyncio.sleep(LOOK_S)
        if worker.cpu_s() - before_s >= LOOK_S / 2:
            return _Aim(worker, making=True, at=loop.time())
    return _Aim(worker, making=False, at=loop.time())


async def _kill(system: System) -> Hit:
    aim = await _aim(system)
    aim.worker.signal(signal.SIGKILL)
    moved = await system.taken_over(aim.worker, within_s=NOTICED_S)

    async def mend() -> None:
        await aim.worker.stop()
        await aim.worker.start()

    return Hit(aim.worker.name, aim.making, aim.at, moved, mend)


async def _freeze(system: System) -> Hit:
    aim = await _aim(system)
    aim.worker.signal(signal.SIGSTOP)
    moved = await system.taken_over(aim.worker, within_s=NOTICED_S)

    async def mend() -> None:
        aim.worker.signal(signal.SIGCONT)
        await system.answers(aim.worker, within_s=BACK_S)

    return Hit(aim.worker.name, aim.making, aim.at, moved, mend)


async def _block(system: System) -> Hit:
    aim = await _aim(system)
    aim.worker.signal(HANG_SIGNAL)
    moved = await system.taken_over(aim.worker, within_s=NOTICED_S)

    async def mend() -> None:
        await system.answers(aim.worker, within_s=HANG_S + BACK_S)

    return Hit(aim.worker.name, aim.making, aim.at, moved, mend)


async def _drain(system: System) -> Hit:
    aim = await _aim(system)
    aim.worker.signal(signal.SIGTERM)

    async def mend() -> None:
        how = await aim.worker.ended(within_s=DRAINED_S)
        if how != "exit status 0":
            raise SupervisorError(f"{aim.worker.name} was drained and ended with {how}")
        await aim.worker.stop()
        await aim.worker.start()

    moved = await system.taken_over(aim.worker, within_s=NOTICED_S)
    return Hit(aim.worker.name, aim.making, aim.at, moved, mend)


async def _restart_redis(system: System) -> Hit:
    aim = await _aim(system)
    assert system.redis is not None
    await asyncio.to_thread(system.redis.stop)
    await asyncio.to_thread(system.redis.start)
    moved = await system.taken_over(aim.worker, within_s=NOTICED_S)

    async def mend() -> None:
        await _registered_again(system)

    return Hit("redis", aim.making, aim.at, moved, mend)


async def _take_redis(system: System) -> Hit:
    """Takes Redis away in the middle of a reply; mending brings it back."""
    aim = await _aim(system)
    assert system.redis is not None
    await asyncio.to_thread(system.redis.stop)
    moved = await system.taken_over(aim.worker, within_s=NOTICED_S)

    async def mend() -> None:
        assert system.redis is not None
        await asyncio.to_thread(system.redis.start)
        await _registered_again(system)

    return Hit("redis", aim.making, aim.at, moved, mend)


async def _freeze_livekit(system: System) -> Hit:
    """Nothing passes between the agent and the caller, in either direction; both are alive."""
    aim = await _aim(system)
    system.signal_livekit(signal.SIGSTOP)
    try:
        await asyncio.sleep(FROZEN_S)
    finally:
        system.signal_livekit(signal.SIGCONT)
    moved = await system.taken_over(aim.worker, within_s=1.0)

    async def mend() -> None: ...

    return Hit("livekit", aim.making, aim.at, moved, mend)


async def _registered_again(system: System) -> None:
    """Raises SupervisorError where a worker holds no lease after 5 s."""
    assert system.redis is not None
    took_s = await system.redis.registered(len(system.workers), within_s=REGISTERED_S)
    if took_s is None:
        raise SupervisorError(f"not every worker registered again within {REGISTERED_S:.0f} s")


CASES = {
    case.name: case
    for case in (
        Case("kill", "the worker is killed (SIGKILL)", _kill, gap_s=KILL_GAP_S, moves=True),
        Case("freeze", "the worker is frozen (SIGSTOP)", _freeze, gap_s=2.0, moves=True),
        Case("blocked", "the worker's event loop hangs for 8 s", _block, gap_s=2.0, moves=True),
        Case("drain", "the worker is told to end (SIGTERM)", _drain, gap_s=KILL_GAP_S),
        Case(
            "livekit-freeze",
            "the LiveKit server is frozen for 6 s: nothing that is said arrives",
            _freeze_livekit,
            gap_s=FROZEN_GAP_S,
            repeated=FROZEN_REPEATED,
            hears=True,
        ),
        Case(
            "redis-restart",
            "Redis is killed and comes back empty",
            _restart_redis,
            gap_s=KILL_GAP_S,
            needs_redis=True,
        ),
        Case(
            "redis-gone",
            "Redis is away for 60 s (short: 10 s), for this reply, later ones, and a new call",
            _take_redis,
            gap_s=KILL_GAP_S,
            needs_redis=True,
            outlasts=True,
        ),
    )
}
