"""What a breaker promises, wherever it is kept: the same tests in memory and in Redis."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import pytest
from prometheus_client import CollectorRegistry

from dialogue.breakers.breaker import Breaker, BreakerOpenError, BreakerPolicy, Breakers
from dialogue.breakers.circuit import Circuits
from parley.telemetry.breakers import BreakerMetrics
from tests.dialogue.breakers.conftest import TurnedClock

POLICY = BreakerPolicy(
    window_s=30.0, bad_calls=3, bad_share=0.5, slow_s=2.0, open_s=10.0, probe_s=20.0
)


class DownError(Exception):
    """What the called service raises here."""


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def breakers(circuits: Circuits, clock: TurnedClock, registry: CollectorRegistry) -> Breakers:
    return Breakers(policy=POLICY, circuits=circuits, metrics=BreakerMetrics(registry), clock=clock)


@pytest.fixture
def breaker(breakers: Breakers) -> Breaker:
    return breakers.of("shop")


async def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        with suppress(DownError):
            async with breaker.guard():
                raise DownError


async def succeed(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        async with breaker.guard():
            pass


async def state(breaker: Breaker) -> str:
    return (await breaker.state()).state


async def test_it_opens_after_failures_and_refuses_with_the_time_to_wait(breaker: Breaker) -> None:
    await fail(breaker, 2)
    assert await state(breaker) == "closed"
    await fail(breaker)
    assert await state(breaker) == "open"
    with pytest.raises(BreakerOpenError, match="shop") as refused:
        async with breaker.guard():
            pytest.fail("a call was made")
    assert refused.value.retry_after_s == pytest.approx(10.0)


async def test_failures_that_are_few_among_many_calls_leave_it_closed(breaker: Breaker) -> None:
    await succeed(breaker, 7)
    await fail(breaker, 4)
    assert await state(breaker) == "closed"
    await fail(breaker, 3)
    assert await state(breaker) == "open"


async def test_failures_of_long_ago_do_not_count(breaker: Breaker, clock: TurnedClock) -> None:
    await fail(breaker, 2)
    clock.turn(33.1)
    await fail(breaker, 2)
    assert (await breaker.state()).bad == 2
    assert await state(breaker) == "closed"


async def test_a_slow_call_counts_as_a_failure(breaker: Breaker, clock: TurnedClock) -> None:
    for _ in range(3):
        async with breaker.guard():
            clock.turn(2.1)
    assert await state(breaker) == "open"


async def test_a_streamed_answer_is_slow_by_its_beginning_alone(
    breaker: Breaker, clock: TurnedClock
) -> None:
    for _ in range(3):
        async with breaker.guard() as call:
            clock.turn(1.0)
            call.answered()
            clock.turn(60.0)
    assert await state(breaker) == "closed"


async def test_after_its_rest_one_call_probes_and_closes_it(
    breaker: Breaker, clock: TurnedClock
) -> None:
    await fail(breaker, 3)
    clock.turn(10.0)
    async with breaker.guard():
        assert await state(breaker) == "half_open"
        for _ in range(3):
            with pytest.raises(BreakerOpenError) as refused:
                async with breaker.guard():
                    pytest.fail("a second probe")
            assert 0.0 < refused.value.retry_after_s <= 1.0
    assert await state(breaker) == "closed"
    await fail(breaker, 2)
    assert await state(breaker) == "closed", "what was before it opened is forgotten"


async def test_a_probe_that_fails_opens_it_again(breaker: Breaker, clock: TurnedClock) -> None:
    await fail(breaker, 3)
    clock.turn(10.0)
    await fail(breaker)
    snapshot = await breaker.state()
    assert (snapshot.state, snapshot.retry_after_s) == ("open", pytest.approx(10.0))


async def cancelled(breaker: Breaker) -> None:
    """One call that is cancelled while it is made."""
    inside = asyncio.Event()

    async def call() -> None:
        async with breaker.guard():
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def test_a_cancelled_call_counts_as_nothing(
    breaker: Breaker, clock: TurnedClock, registry: CollectorRegistry
) -> None:
    for _ in range(5):
        await cancelled(breaker)
    clock.turn(5.0)
    snapshot = await breaker.state()
    assert (snapshot.state, snapshot.calls, snapshot.bad) == ("closed", 0, 0)
    labels = {"name": "shop", "outcome": "cancelled"}
    assert registry.get_sample_value("circuit_breaker_calls_total", labels) == 5


async def test_an_answer_whose_reader_leaves_counts_as_nothing(breaker: Breaker) -> None:
    async def answer() -> AsyncGenerator[int]:
        async with breaker.guard():
            yield 1
            yield 2

    for _ in range(5):
        async with aclosing(answer()) as numbers:
            assert await anext(numbers) == 1
    snapshot = await breaker.state()
    assert (snapshot.state, snapshot.calls) == ("closed", 0)


async def test_a_cancelled_probe_leaves_its_place_to_the_next(
    breaker: Breaker, clock: TurnedClock
) -> None:
    await fail(breaker, 3)
    clock.turn(10.0)
    await cancelled(breaker)
    assert await state(breaker) == "half_open"
    await succeed(breaker)
    assert await state(breaker) == "closed"


async def test_a_call_that_another_overtook_counts_as_slow(breaker: Breaker) -> None:
    for _ in range(3):
        inside = asyncio.Event()

        async def call(inside: asyncio.Event = inside) -> None:
            async with breaker.guard() as guarded:
                guarded.overtaken()
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(call())
        await inside.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await state(breaker) == "open"


async def test_a_probe_that_never_ended_is_given_to_another(
    circuits: Circuits, breaker: Breaker, clock: TurnedClock
) -> None:
    await fail(breaker, 3)
    clock.turn(10.0)
    lost = (await circuits.admit("shop", POLICY)).admission
    assert lost is not None and lost.is_probe
    clock.turn(19.9)
    with pytest.raises(BreakerOpenError):
        await succeed(breaker)
    clock.turn(0.2)
    async with breaker.guard():
        await circuits.record("shop", POLICY, lost, "failed")  # it was only very late
        assert await state(breaker) == "half_open"
    assert await state(breaker) == "closed"


async def test_what_was_asked_before_it_opened_neither_closes_nor_opens_it(
    circuits: Circuits, breaker: Breaker, clock: TurnedClock
) -> None:
    early = (await circuits.admit("shop", POLICY)).admission
    assert early is not None
    await fail(breaker, 3)
    await circuits.record("shop", POLICY, early, "ok")
    assert await state(breaker) == "open"
    clock.turn(10.0)
    await succeed(breaker)
    for _ in range(5):
        await circuits.record("shop", POLICY, early, "failed")
    assert (await breaker.state()).calls == 0


async def test_a_refusal_that_is_no_fault_of_the_service_is_a_good_call(breaker: Breaker) -> None:
    for _ in range(5):
        with suppress(DownError):
            async with breaker.guard(is_harmless=lambda error: isinstance(error, DownError)):
                raise DownError
    snapshot = await breaker.state()
    assert (snapshot.state, snapshot.calls, snapshot.bad) == ("closed", 5, 0)


async def test_reset_closes_it_and_forgets(breakers: Breakers, breaker: Breaker) -> None:
    await fail(breaker, 3)
    assert (await breakers.reset("shop")).state == "closed"
    await fail(breaker, 2)
    assert await state(breaker) == "closed"
    with pytest.raises(KeyError):
        await breakers.reset("unknown")


async def test_every_breaker_is_listed_the_unused_too(breakers: Breakers) -> None:
    breakers.of("quiet")
    await fail(breakers.of("shop"), 3)
    await succeed(breakers.of("cars"))
    states = {name: snapshot.state for name, snapshot in (await breakers.states()).items()}
    assert states == {"cars": "closed", "quiet": "closed", "shop": "open"}


async def test_each_change_is_one_log_line_and_counted(
    breaker: Breaker,
    clock: TurnedClock,
    registry: CollectorRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger="dialogue.breakers.breaker"):
        await fail(breaker, 3)
        clock.turn(10.0)
        with suppress(BreakerOpenError):
            async with breaker.guard():
                await succeed(breaker)
        clock.turn(10.0)
        await succeed(breaker)
    changes = [record.getMessage().split(":")[1].strip() for record in caplog.records]
    assert changes == [
        "open, was closed",
        "half_open, was open",
        "open, was half_open",
        "half_open, was open",
        "closed, was half_open",
    ]
    counted = {
        to: registry.get_sample_value("circuit_breaker_changes_total", {"name": "shop", "to": to})
        for to in ("closed", "half_open", "open")
    }
    assert counted == {"closed": 1, "half_open": 2, "open": 2}
    assert registry.get_sample_value("circuit_breaker_state", {"name": "shop"}) == 0
