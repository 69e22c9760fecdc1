"""Places that are held for calls on their way: by one gateway, or by all of a cluster in Redis.

A token that was granted holds one until its agent is there, or for JOINS_WITHIN_S.
"""

from collections.abc import Collection
from typing import Protocol

from parley.clock import Clock, monotonic
from parley.shared_redis import GRANTED_WITHIN_S, SharedRedis

JOINS_WITHIN_S = 10.0
"""A token that has not been used by then holds no place any more."""
KEY = "parley:claims"

# A sorted set: room, and when it was granted, by Redis's clock: gateways need not agree on one.
# ARGV: room, milliseconds that a claim lasts, places free, [rooms whose agent is there], "",
# [rooms that wait for one].
_CLAIM = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
local next = 4
while ARGV[next] ~= '' do
  redis.call('ZREM', KEYS[1], ARGV[next])
  next = next + 1
end
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 1 end
local on_the_way = redis.call('ZCARD', KEYS[1])
for each = next + 1, #ARGV do
  if not redis.call('ZSCORE', KEYS[1], ARGV[each]) then on_the_way = on_the_way + 1 end
end
if on_the_way >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""


class Places(Protocol):
    async def hold(
        self, room: str, *, free: int, there: Collection[str], waiting: Collection[str]
    ) -> bool:
        """Whether one of `free` places is held for the call in `room`, also from before.

        `there`: rooms whose agent has come; `waiting`: those where a person waits for one.
        """
        ...

    async def aclose(self) -> None: ...


class OwnPlaces:
    """Those of this gateway alone; nobody comes between counting and holding."""

    def __init__(self, *, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._held: dict[str, float] = {}

    async def hold(
        self, room: str, *, free: int, there: Collection[str], waiting: Collection[str]
    ) -> bool:
        now_s = self._clock()
        self._held = {
            each: at_s
            for each, at_s in self._held.items()
            if at_s >= now_s - JOINS_WITHIN_S and each not in there
        }
        on_the_way = self._held.keys() | waiting
        if room in on_the_way:
            return True
        if len(on_the_way) >= free:
            return False
        self._held[room] = now_s
        return True

    async def aclose(self) -> None: ...


class SharedPlaces:
    """Those of all gateways that share a Redis; while it is away, each counts its own.

    Raises ConfigurationError for a `url` that is no Redis address.
    """

    def __init__(
        self, url: str, *, clock: Clock = monotonic, timeout_s: float = GRANTED_WITHIN_S
    ) -> None:
        self._redis = SharedRedis(url, what="places of calls", clock=clock, timeout_s=timeout_s)
        self._own = OwnPlaces(clock=clock)

    async def hold(
        self, room: str, *, free: int, there: Collection[str], waiting: Collection[str]
    ) -> bool:
        lasts_ms = round(JOINS_WITHIN_S * 1000)
        arguments: list[str | int] = [room, lasts_ms, free, *there, "", *waiting]
        is_held = await self._redis.run(_CLAIM, [KEY], arguments)
        if is_held is None:
            return await self._own.hold(room, free=free, there=there, waiting=waiting)
        if is_held:  # what Redis knows it has to know, too, should Redis go
            await self._own.hold(room, free=free + 1, there=there, waiting=())
        return bool(is_held)

    async def aclose(self) -> None:
        await self._redis.aclose()
