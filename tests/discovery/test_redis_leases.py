"""Workers announce themselves in a real Redis, which may go away at any moment."""

import asyncio
from collections.abc import Callable

import pytest

from parley.discovery import WorkerAddress
from parley.discovery.lease import Lease, index_key
from parley.discovery.redis import RedisDiscovery, connect
from testkit.redis_server import RedisServer
from workers.serving.lease import Registration

pytestmark = pytest.mark.servers

WITHIN_S = 5.0
"""The contract: registered again within five seconds of Redis's return."""


def lease(name: str, port: int = 7001) -> Lease:
    return Lease(worker_id=name, kind="synthesis", target=f"127.0.0.1:{port}")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - discovery is a snapshot, it has no event
            await asyncio.sleep(0.02)


async def test_a_worker_is_known_while_it_serves_and_gone_when_it_ends(
    redis_server: RedisServer,
) -> None:
    discovery = RedisDiscovery(redis_server.url, "synthesis")
    async with discovery.watching():
        assert discovery.workers() == ()
        registration = Registration(redis_server.url, lease("a"))
        async with registration.announced():
            await until(lambda: discovery.workers() == (WorkerAddress("127.0.0.1:7001"),))
            await registration.drain()
            await until(lambda: all(worker.draining for worker in discovery.workers()))
        await until(lambda: discovery.workers() == ())


async def test_kinds_do_not_mix(redis_server: RedisServer) -> None:
    hearing = lease("b").model_copy(update={"kind": "recognition"})
    async with (
        Registration(redis_server.url, lease("a", 7001)).announced(),
        Registration(redis_server.url, hearing.model_copy(update={"target": "h:1"})).announced(),
    ):
        discovery = RedisDiscovery(redis_server.url, "recognition")
        async with discovery.watching():
            await until(lambda: [worker.target for worker in discovery.workers()] == ["h:1"])


async def test_workers_stay_known_while_redis_is_away_and_register_when_it_is_back(
    redis_server: RedisServer,
) -> None:
    discovery = RedisDiscovery(redis_server.url, "synthesis")
    async with Registration(redis_server.url, lease("a")).announced(), discovery.watching():
        await until(lambda: len(discovery.workers()) == 1)
        redis_server.stop()
        await asyncio.sleep(3)  # longer than a renewal: both sides have met the loss
        assert len(discovery.workers()) == 1
        redis_server.start()
        async with connect(redis_server.url) as client, asyncio.timeout(WITHIN_S):
            while not await client.smembers(index_key("synthesis")):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert len(discovery.workers()) == 1


async def test_redis_away_from_the_start_is_not_an_error(redis_server: RedisServer) -> None:
    redis_server.stop()
    discovery = RedisDiscovery(redis_server.url, "synthesis")
    async with Registration(redis_server.url, lease("a")).announced(), discovery.watching():
        assert discovery.workers() == ()
        redis_server.start()
        await until(lambda: len(discovery.workers()) == 1)


async def test_a_lease_that_is_not_readable_is_passed_over(redis_server: RedisServer) -> None:
    async with connect(redis_server.url) as client:
        await client.sadd(index_key("synthesis"), "broken")
        await client.set("parley:worker:broken", "{not json")
    async with Registration(redis_server.url, lease("a")).announced():
        discovery = RedisDiscovery(redis_server.url, "synthesis")
        async with discovery.watching():
            await until(lambda: len(discovery.workers()) == 1)
