"""Circuit breakers on both of their backends: memory, and a redis-server of the suite."""

import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
import redis.asyncio

from dialogue.breakers.circuit import Circuits
from dialogue.breakers.local import LocalCircuits
from dialogue.breakers.shared import RedisCircuits
from tests.discovery.conftest import RedisServer

PATIENT_S = 30.0
"""What is promised here is no time: a busy machine may take it."""


class TurnedClock:
    """Starts where a real one might, and stands still."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def turn(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture(scope="module")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    server = RedisServer(program, tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def empty_redis(running_redis: RedisServer) -> RedisServer:
    await _emptied(running_redis)
    return running_redis


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
async def circuits(request: pytest.FixtureRequest, clock: TurnedClock) -> AsyncIterator[Circuits]:
    """An empty one, whose clock is turned."""
    if request.param == "memory":
        yield LocalCircuits(clock=clock)
        return
    server: RedisServer = request.getfixturevalue("running_redis")
    await _emptied(server)
    shared = RedisCircuits(server.url, clock=clock, timeout_s=PATIENT_S)
    yield shared
    await shared.aclose()


async def _emptied(server: RedisServer) -> None:
    async with redis.asyncio.Redis.from_url(server.url) as client:
        await client.flushall()
