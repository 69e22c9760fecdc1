"""Circuit breakers as callers have them: `async with breaker.guard(): …`."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from dialogue.breakers.circuit import (
    BreakerOpenError,
    BreakerPolicy,
    BreakerSnapshot,
    BreakerVerdict,
    CallAdmission,
    CallOutcome,
    Circuits,
)
from dialogue.breakers.local import LocalCircuits
from dialogue.breakers.shared import RedisCircuits
from parley.clock import Clock, monotonic
from parley.telemetry.breakers import STATES, BreakerMetrics

__all__ = ["Breaker", "BreakerOpenError", "BreakerPolicy", "Breakers"]

_log = logging.getLogger(__name__)


class Breaker:
    """Around one thing that is asked over a network."""

    def __init__(
        self,
        name: str,
        circuits: Circuits,
        *,
        policy: BreakerPolicy,
        metrics: BreakerMetrics | None = None,
        clock: Clock = monotonic,
    ) -> None:
        self.name = name
        self.policy = policy
        self._circuits = circuits
        self._metrics = metrics
        self._clock = clock

    def guard(self, *, is_harmless: Callable[[Exception], bool] | None = None) -> "GuardedCall":
        """`async with breaker.guard() as call:` around one call.

        Entering raises BreakerOpenError where the call is not to be made. An exception counts as
        a failure, unless `is_harmless` says that what was asked works all the same. A call that
        is cancelled, or whose generator is closed, counts as nothing.
        """
        return GuardedCall(self, is_harmless or _never, clock=self._clock)

    async def state(self) -> BreakerSnapshot:
        """As all processes see it."""
        known = await self._circuits.snapshots(lambda _: self.policy)
        return known.get(self.name, BreakerSnapshot())

    async def reset(self) -> BreakerSnapshot:
        """Closes it in every process, and forgets what was counted."""
        verdict = await self._circuits.reset(self.name, self.policy)
        self._tell(verdict, why="it was reset")
        return verdict.after

    async def admit(self) -> CallAdmission:
        """For GuardedCall; raises BreakerOpenError."""
        verdict = await self._circuits.admit(self.name, self.policy)
        self._tell(verdict, why="one call probes")
        if verdict.admission is None:
            self._count("refused")
            raise BreakerOpenError(self.name, verdict.after.retry_after_s)
        return verdict.admission

    async def ended(self, admission: CallAdmission, outcome: CallOutcome, *, why: str) -> None:
        """For GuardedCall: what the call came to."""
        self._count(outcome)
        verdict = await self._circuits.record(self.name, self.policy, admission, outcome)
        self._tell(verdict, why=why)

    async def given_up(self, admission: CallAdmission) -> None:
        """For GuardedCall: the call says nothing."""
        self._count("cancelled")
        await self._circuits.release(self.name, self.policy, admission)

    def _count(self, outcome: str) -> None:
        if self._metrics is not None:
            self._metrics.calls.labels(self.name, outcome).inc()

    def _tell(self, verdict: BreakerVerdict, *, why: str) -> None:
        before, after = verdict.before, verdict.after.state
        if self._metrics is not None:
            self._metrics.state.labels(self.name).set(STATES[after])
        if before == after:
            return
        if self._metrics is not None:
            self._metrics.changes.labels(self.name, after).inc()
        level = logging.WARNING if after == "open" else logging.INFO
        _log.log(level, "circuit breaker %s: %s, was %s: %s", self.name, after, before, why)


class GuardedCall:
    """One call under a breaker."""

    def __init__(
        self, breaker: Breaker, is_harmless: Callable[[Exception], bool], *, clock: Clock
    ) -> None:
        self._breaker = breaker
        self._is_harmless = is_harmless
        self._clock = clock
        self._admission: CallAdmission | None = None
        self._began_s = 0.0
        self._took_s: float | None = None
        self._was_overtaken = False

    def answered(self) -> None:
        """The answer has begun: what comes after is no slowness. For answers that are streamed."""
        if self._took_s is None:
            self._took_s = self._clock() - self._began_s

    def overtaken(self) -> None:
        """It will be cancelled because another was asked and was sooner: it counts as slow."""
        self._was_overtaken = True

    async def __aenter__(self) -> Self:
        self._admission = await self._breaker.admit()
        self._began_s = self._clock()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._admission is not None
        self.answered()
        took_s = self._took_s or 0.0
        if isinstance(error, asyncio.CancelledError | GeneratorExit) and not self._was_overtaken:
            await self._breaker.given_up(self._admission)
        elif isinstance(error, Exception) and not self._is_harmless(error):
            await self._breaker.ended(self._admission, "failed", why=_why(error))
        elif self._was_overtaken or took_s > self._breaker.policy.slow_s:
            await self._breaker.ended(self._admission, "slow", why=f"no answer in {took_s:.1f} s")
        else:
            await self._breaker.ended(self._admission, "ok", why="the probe was answered")


class Breakers:
    """All breakers of a process, by name; over `redis_url` those of all processes.

    Raises ConfigurationError for a `redis_url` that is no Redis address. Whoever makes it closes
    it.
    """

    def __init__(
        self,
        *,
        redis_url: str = "",
        policy: BreakerPolicy | None = None,
        metrics: BreakerMetrics | None = None,
        circuits: Circuits | None = None,
        clock: Clock = monotonic,
    ) -> None:
        if circuits is None:
            circuits = RedisCircuits(redis_url) if redis_url else LocalCircuits(clock=clock)
        self._circuits = circuits
        self._policy = policy or BreakerPolicy()
        self._metrics = metrics
        self._clock = clock
        self._breakers: dict[str, Breaker] = {}

    @property
    def kept_in(self) -> str:
        """memory, redis, or "memory (redis is away)"."""
        return self._circuits.kept_in

    def of(self, name: str, *, policy: BreakerPolicy | None = None) -> Breaker:
        """The breaker of that name, closed if it is new. `policy`: the first to ask says it."""
        if name not in self._breakers:
            self._breakers[name] = Breaker(
                name,
                self._circuits,
                policy=policy or self._policy,
                metrics=self._metrics,
                clock=self._clock,
            )
        return self._breakers[name]

    async def states(self) -> Mapping[str, BreakerSnapshot]:
        """Of every breaker that any process has used, and of those of this one."""
        known = await self._circuits.snapshots(lambda name: self.of(name).policy)
        unused = {name: BreakerSnapshot() for name in self._breakers}
        return dict(sorted({**unused, **known}.items()))

    async def reset(self, name: str) -> BreakerSnapshot:
        """Closes it in every process; raises KeyError for one that nobody has used."""
        if name not in await self.states():
            raise KeyError(name)
        return await self.of(name).reset()

    async def aclose(self) -> None:
        await self._circuits.aclose()


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


def _never(_: Exception) -> bool:
    return False
