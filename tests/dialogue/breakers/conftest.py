"""Circuit breakers on both of their backends: memory, and a redis-server of the suite."""

from collections.abc import AsyncIterator

import pytest

from dialogue.breakers.circuit import Circuits
from dialogue.breakers.local import LocalCircuits
from dialogue.breakers.shared import RedisCircuits

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


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
async def circuits(request: pytest.FixtureRequest, clock: TurnedClock) -> AsyncIterator[Circuits]:
    """An empty one, whose clock is turned."""
    if request.param == "memory":
        yield LocalCircuits(clock=clock)
        return
    url = request.getfixturevalue("redis_url")
    shared = RedisCircuits(url, clock=clock, timeout_s=PATIENT_S)
    yield shared
    await shared.aclose()
