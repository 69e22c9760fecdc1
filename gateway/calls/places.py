"""Places that are held for calls on their way: by one gateway, or by all of a cluster in Redis.

A token that was granted holds one until its agent is there, or for JOINS_WITHIN_S.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Protocol

import redis.exceptions

from parley.clock import Clock, monotonic
from parley.discovery.redis import connect

JOINS_WITHIN_S = 10.0
"""A token that has not been used by then holds no place any more."""
KEY = "parley:claims"
ASKED_WITHIN_S = 0.5
"""Redis, or this gateway counts by itself: who calls is not kept waiting for it."""

_log = logging.getLogger(__name__)

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
        self, url: str, *, clock: Clock = monotonic, within_s: float = ASKED_WITHIN_S
    ) -> None:
        self._client = connect(url, timeout_s=within_s)
        self._within_s = within_s
        self._claim = self._client.register_script(_CLAIM)
        self._own = OwnPlaces(clock=clock)
        self._is_away = False

    async def hold(
        self, room: str, *, free: int, there: Collection[str], waiting: Collection[str]
    ) -> bool:
        lasts_ms = round(JOINS_WITHIN_S * 1000)
        try:
            async with asyncio.timeout(self._within_s):
                claimed = await self._client.zrange(KEY, 0, -1)
                come = [str(each) for each in claimed if each in there]
                arguments: list[str | int] = [room, lasts_ms, free, *come, "", *waiting]
                is_held = bool(await self._claim(keys=[KEY], args=arguments))
        except (redis.exceptions.RedisError, OSError) as error:  # TimeoutError is one
            if not self._is_away:
                why = str(error) or "it does not answer"
                _log.warning("places are counted by this gateway alone: Redis: %s", why)
            self._is_away = True
            return await self._own.hold(room, free=free, there=there, waiting=waiting)
        if self._is_away:
            _log.info("places are counted with the other gateways again")
        self._is_away = False
        if is_held:  # what Redis knows it has to know, too, should Redis go
            await self._own.hold(room, free=free + 1, there=there, waiting=())
        return is_held

    async def aclose(self) -> None:
        await self._client.aclose()
