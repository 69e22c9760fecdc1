"""What processes that share a Redis share of their breakers, and what they do without it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
import redis.asyncio

from dialogue.breakers.breaker import Breaker, BreakerOpenError, Breakers
from dialogue.breakers.shared import FRESH_S, RedisCircuits
from parley import paths
from parley.shared_redis import AWAY_S
from testkit.redis_server import RedisServer
from tests.dialogue.breakers.conftest import PATIENT_S, TurnedClock
from tests.dialogue.breakers.probing import POLICY as PROBING
from tests.dialogue.breakers.test_breaker import POLICY, DownError, fail, state, succeed

pytestmark = pytest.mark.servers

OpenAnother = Callable[[], Breakers]


@pytest.fixture
async def open_another(redis_server: RedisServer, clock: TurnedClock) -> AsyncIterator[OpenAnother]:
    """The breakers of one more process."""
    opened: list[Breakers] = []

    def open_() -> Breakers:
        circuits = RedisCircuits(redis_server.url, clock=clock, timeout_s=PATIENT_S)
        opened.append(Breakers(policy=POLICY, circuits=circuits, clock=clock))
        return opened[-1]

    yield open_
    await asyncio.gather(*(breakers.aclose() for breakers in opened))


@pytest.fixture
def one(open_another: OpenAnother) -> Breaker:
    return open_another().of("shop")


@pytest.fixture
def other(open_another: OpenAnother) -> Breaker:
    return open_another().of("shop")


async def test_what_one_process_sees_fail_the_other_leaves_alone(
    one: Breaker, other: Breaker, clock: TurnedClock
) -> None:
    await fail(one, 2)
    await fail(other, 1)
    clock.turn(FRESH_S)
    for breaker in (one, other):
        with pytest.raises(BreakerOpenError):
            await succeed(breaker)


async def test_good_calls_are_told_together_and_count_for_all(
    one: Breaker, other: Breaker, clock: TurnedClock, redis_server: RedisServer
) -> None:
    async with redis.asyncio.Redis.from_url(redis_server.url) as client:
        await succeed(one)
        asked = (await client.info("commandstats"))["cmdstat_evalsha"]["calls"]
        await succeed(one, 50)
        assert (await client.info("commandstats"))["cmdstat_evalsha"]["calls"] == asked
        clock.turn(FRESH_S)
        await succeed(one)
        assert (await other.state()).calls == 51, "the last one is not told yet"
        await fail(other, 3)
    assert await state(other) == "closed", "they are few among many"


async def test_a_reset_in_one_process_closes_it_in_the_other(one: Breaker, other: Breaker) -> None:
    await fail(one, 3)
    assert await state(other) == "open"
    await other.reset()
    await succeed(one)
    assert await state(one) == "closed"


async def test_a_probe_cancelled_in_one_process_is_made_by_the_other(
    one: Breaker, other: Breaker, clock: TurnedClock
) -> None:
    await fail(one, 3)
    clock.turn(10.0)
    with suppress(asyncio.CancelledError):
        async with one.guard():
            raise asyncio.CancelledError
    await succeed(other)
    assert await state(one) == "closed"


async def test_a_redis_that_goes_opens_and_closes_nothing(
    one: Breaker, open_another: OpenAnother, clock: TurnedClock, redis_server: RedisServer
) -> None:
    breakers = open_another()
    down, well = breakers.of("shop"), breakers.of("cars")
    await fail(down, 3)
    await succeed(well)
    redis_server.stop()
    try:
        with pytest.raises(BreakerOpenError):
            await succeed(down)
        await succeed(well, 5)
        assert await state(down) == "open"
        assert await state(well) == "closed"
        assert breakers.kept_in == "memory (redis is away)"
        clock.turn(10.0)
        await succeed(down)  # the rules go on: one call of this process probed
        assert await state(down) == "closed"
    finally:
        redis_server.start()


async def test_a_redis_that_comes_back_empty_closes_nothing(
    one: Breaker, other: Breaker, clock: TurnedClock, redis_server: RedisServer
) -> None:
    await fail(one, 3)
    redis_server.stop()
    for breaker in (one, other):
        with suppress(BreakerOpenError):
            await succeed(breaker)
    redis_server.start()
    clock.turn(AWAY_S)
    with pytest.raises(BreakerOpenError):
        await succeed(one)  # it remembers, and tells the others
    with pytest.raises(BreakerOpenError) as refused:
        await succeed(other)
    assert refused.value.retry_after_s == pytest.approx(10.0 - AWAY_S)


async def test_what_failed_while_redis_was_away_is_told_when_it_is_back(
    one: Breaker, other: Breaker, clock: TurnedClock, redis_server: RedisServer
) -> None:
    redis_server.stop()
    await succeed(other)
    await fail(one, 3)
    redis_server.start()
    clock.turn(AWAY_S)
    await succeed(other)
    with pytest.raises(BreakerOpenError):
        await succeed(one)
    clock.turn(FRESH_S)
    with pytest.raises(BreakerOpenError):
        await succeed(other)


async def test_fifty_callers_in_each_of_two_processes_make_one_probe(redis_url: str) -> None:
    breakers = Breakers(circuits=RedisCircuits(redis_url, timeout_s=PATIENT_S), policy=PROBING)
    breaker = breakers.of("shop")
    with pytest.raises(DownError):
        async with breaker.guard():
            raise DownError
    processes = [await _starting(redis_url) for _ in range(2)]
    try:
        for process in processes:
            assert await _line(process) == "ready"
        while (await breaker.state()).left_s > 0.0:  # noqa: ASYNC110 - Redis's clock, not ours
            await asyncio.sleep(0.01)
        for process in processes:
            _tell(process)
        counts = [tuple(map(int, (await _line(process)).split())) for process in processes]
        assert sum(made for made, _ in counts) == 1
        assert sum(refused for _, refused in counts) == 99
        for process in processes:
            _tell(process)
        assert [await process.wait() for process in processes] == [0, 0]
        assert await state(breaker) == "closed"
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
        await breakers.aclose()


async def _starting(url: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.dialogue.breakers.probing", url, "shop", "50"),
        cwd=paths.repository(),
        stdin=PIPE,
        stdout=PIPE,
    )


async def _line(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


def _tell(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")
