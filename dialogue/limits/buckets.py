"""Token buckets by name: in one process, or over one Redis for all of them."""

from collections import OrderedDict
from math import ceil
from typing import Protocol

from parley.clock import Clock, monotonic
from parley.shared_redis import TIMEOUT_S, SharedRedis
from parley.token_bucket import TokenBucket

PREFIX = "rate_limit:"
MAX_BUCKETS = 10_000
"""Remembered in a process; the one heard of longest ago is forgotten first."""

# A bucket is the time at which it would be full again: one number that expires by itself.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local each, room = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + each
local wait = full_at - now - room
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], full_at, 'PX', math.ceil(full_at - now) + 1)
return 0
"""


class Buckets(Protocol):
    """`per_minute` times at once, and as many every minute after."""

    async def retry_after_s(self, name: str, per_minute: int) -> int | None:
        """Takes one of the bucket of that name: None if it may happen, else the whole seconds to
        wait."""
        ...

    async def aclose(self) -> None: ...


class LocalBuckets:
    """Of this process."""

    def __init__(self, *, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    async def retry_after_s(self, name: str, per_minute: int) -> int | None:
        """See Buckets."""
        bucket = self._buckets.pop(name, None)
        if bucket is None or bucket.per_minute != per_minute:
            bucket = TokenBucket(per_minute, self._clock)
        self._buckets[name] = bucket
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return bucket.retry_after_s()

    async def aclose(self) -> None:
        """Nothing is held."""


class RedisBuckets:
    """Of all processes; while Redis is away, each of its own.

    Raises ConfigurationError for a `url` that is no Redis address.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._redis = SharedRedis(url, what="rate limits", timeout_s=timeout_s)
        self._here = LocalBuckets()

    async def retry_after_s(self, name: str, per_minute: int) -> int | None:
        """See Buckets."""
        waiting_ms = await self._redis.run(_TAKE, [PREFIX + name], [60_000 / per_minute, 60_000])
        if waiting_ms is None:
            return await self._here.retry_after_s(name, per_minute)
        return ceil(int(waiting_ms) / 1000) or None

    async def aclose(self) -> None:
        await self._redis.aclose()


def open_buckets(redis_url: str) -> Buckets:
    """Over Redis where there is one; whoever opens them closes them."""
    return RedisBuckets(redis_url) if redis_url else LocalBuckets()
