"""Several gateways let in together as many as there is room for, and go on without Redis."""

import asyncio

import pytest
import redis

from gateway.calls.places import JOINS_WITHIN_S, KEY, OwnPlaces, Places, SharedPlaces
from parley.shared_redis import AWAY_S
from testkit.redis_server import RedisServer
from tests.gateway.conftest import TurnedClock

pytestmark = pytest.mark.servers
PATIENT_S = 20.0
"""What is promised here is no time: a busy machine may take it."""


async def held(
    places: Places, room: str, free: int = 4, there: set[str] | None = None, *waiting: str
) -> bool:
    return await places.hold(room, free=free, there=there or set(), waiting=waiting)


async def test_of_twelve_at_two_gateways_four_get_in(redis_url: str) -> None:
    gateways = [SharedPlaces(redis_url, timeout_s=PATIENT_S) for _ in range(2)]
    came = [held(gateways[number % 2], f"r-{number}") for number in range(12)]
    assert sum(await asyncio.gather(*came)) == 4
    for each in gateways:
        await each.aclose()


async def test_whose_agent_has_come_holds_no_place_on_the_way(redis_url: str) -> None:
    places = SharedPlaces(redis_url, timeout_s=PATIENT_S)
    assert await held(places, "one", 1)
    assert await held(places, "one", 1), "the same call asks again"
    assert not await held(places, "two", 1)
    assert await held(places, "two", 1, {"one"})
    assert redis.Redis.from_url(redis_url).zrange(KEY, 0, -1) == [b"two"]
    await places.aclose()


async def test_who_waits_in_a_room_counts_once(redis_url: str) -> None:
    places = SharedPlaces(redis_url, timeout_s=PATIENT_S)
    assert await held(places, "one", 2, set(), "one")
    assert await held(places, "two", 2, set(), "one")
    assert not await held(places, "three", 2, set(), "one", "two")
    assert not await held(places, "three", 3, set(), "theirs")
    await places.aclose()


async def test_a_token_that_nobody_uses_holds_its_place_for_a_while_only(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    places = SharedPlaces(redis_url, timeout_s=PATIENT_S)
    assert await held(places, "unused", 1)
    granted_ms = client.zscore(KEY, "unused")
    assert isinstance(granted_ms, float)
    assert 0 < client.pttl(KEY) <= JOINS_WITHIN_S * 1000
    client.zadd(KEY, {"unused": granted_ms - JOINS_WITHIN_S * 1000})
    assert await held(places, "next", 1)
    await places.aclose()


async def test_without_redis_each_counts_its_own_and_later_together_again(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = TurnedClock()
    one, other = (
        SharedPlaces(redis_server.url, clock=clock, timeout_s=PATIENT_S) for _ in range(2)
    )
    assert await held(one, "before", 1)
    redis_server.stop()
    assert not await held(one, "while", 1), "what was granted before still counts"
    assert await held(other, "while", 1)
    redis_server.start()
    assert not await held(other, "and", 1), "it is left alone for a while"
    said = "places of calls are this process's own meanwhile"
    assert caplog.text.count(said) == 2, "each says so once"
    clock.now_s += AWAY_S
    assert await held(other, "after", 1)
    assert not await held(one, "too many", 1)
    for each in (one, other):
        await each.aclose()


async def test_one_gateway_counts_by_the_clock_it_is_given() -> None:
    clock = TurnedClock()
    places = OwnPlaces(clock=clock)
    assert await held(places, "one", 1)
    clock.now_s = JOINS_WITHIN_S + 1
    assert await held(places, "two", 1)
