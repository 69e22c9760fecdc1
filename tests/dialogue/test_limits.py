"""Token buckets that processes share over Redis, and their own while it is away."""

import pytest

from dialogue.limits.buckets import LocalBuckets, RedisBuckets
from tests.dialogue.breakers.conftest import PATIENT_S, TurnedClock


async def test_each_name_has_a_bucket_that_fills_again() -> None:
    clock = TurnedClock()
    buckets = LocalBuckets(clock=clock)
    assert [await buckets.retry_after_s("a", 2) for _ in range(3)] == [None, None, 30]
    assert await buckets.retry_after_s("b", 2) is None
    clock.turn(30.0)
    assert await buckets.retry_after_s("a", 2) is None


@pytest.mark.servers
async def test_processes_over_one_redis_take_from_one_bucket(redis_url: str) -> None:
    one, other = (RedisBuckets(redis_url, timeout_s=PATIENT_S) for _ in range(2))
    assert await one.retry_after_s("a", 2) is None
    assert await other.retry_after_s("a", 2) is None
    for buckets in (one, other):
        waiting_s = await buckets.retry_after_s("a", 2)
        assert waiting_s is not None and 1 <= waiting_s <= 30
    assert await other.retry_after_s("b", 2) is None
    for buckets in (one, other):
        await buckets.aclose()


async def test_without_redis_each_process_has_its_own() -> None:
    buckets = RedisBuckets("redis://127.0.0.1:1/0")
    assert await buckets.retry_after_s("a", 1) is None
    assert (await buckets.retry_after_s("a", 1) or 0) > 0
    await buckets.aclose()
