"""Circuit breakers that all processes share: one script in Redis decides, a mirror here remembers.

While Redis is away each process goes by what it knew last and by the rules of `local.py`: nothing
opens or closes because Redis went, or because it came back empty.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Literal, cast

from dialogue.breakers.circuit import (
    BUCKETS,
    BreakerPolicy,
    BreakerSnapshot,
    BreakerState,
    BreakerVerdict,
    CallAdmission,
    CallOutcome,
)
from dialogue.breakers.local import LocalCircuits
from parley.clock import Clock, monotonic
from parley.shared_redis import TIMEOUT_S, SharedRedis

PREFIX = "circuit_breaker:"
_INDEX = "circuit_breakers"
KEEP_S = 7 * 86_400
"""A breaker that nobody uses is forgotten after it, which closes it."""
FRESH_S = 0.5
"""A breaker that was closed so long ago, at most a quarter of its rest, is taken for closed, and
calls that went well are told together: most calls then cost no question to Redis. Of one that is
not closed Redis is asked each time."""

_SCRIPT = """
local key, index = KEYS[1], KEYS[2]
local op, name, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local window, bad_calls, bad_share = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local open_ms, probe_ms = tonumber(ARGV[7]), tonumber(ARGV[8])
local buckets, keep_ms, fresh = tonumber(ARGV[9]), ARGV[10], ARGV[11]
local period, bad_call = ARGV[12], ARGV[13] == '1'
local known, known_period, known_left = ARGV[14], ARGV[15], tonumber(ARGV[16])
local known_counts, good = ARGV[17] == '1', tonumber(ARGV[18])
if now < 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function turn(state, id, until_ms)
  redis.call('DEL', key)
  redis.call('HSET', key, 'state', state, 'period', id, 'until', until_ms)
  redis.call('PEXPIRE', key, keep_ms)
  redis.call('SADD', index, name)
end

-- What a process knew before Redis was lost, or decided while it was.
local here = redis.call('HGET', key, 'state')
if known ~= 'closed' and (not here or (known_counts and here == 'closed')) then
  turn(known, known_period, now + known_left)
end

local kept = redis.call('HMGET', key, 'state', 'period', 'until')
local before, id, until_ms = kept[1] or 'closed', kept[2] or '', tonumber(kept[3] or '0')
local admitted = 0
local number = math.floor(now * buckets / window)

local function count(field, times)
  redis.call('HINCRBY', key, field .. ':' .. number, times)
  redis.call('PEXPIRE', key, keep_ms)
  redis.call('SADD', index, name)
end

if good > 0 and before == 'closed' and id == known_period then count('calls', good) end
if op == 'admit' then
  if before == 'closed' then
    admitted = 1
  elseif now >= until_ms then
    admitted = 2
    turn('half_open', fresh, now + probe_ms)
  end
elseif op == 'reset' then
  turn('closed', fresh, 0)
elseif op == 'release' then
  if before == 'half_open' and id == period then redis.call('HSET', key, 'until', now) end
elseif op == 'record' and id == period then
  if before == 'half_open' then
    if bad_call then turn('open', fresh, now + open_ms) else turn('closed', fresh, 0) end
  elseif before == 'closed' then
    count('calls', 1)
    if bad_call then count('bad', 1) end
  end
end

local calls, bad = 0, 0
local oldest = number - buckets
local fields = redis.call('HGETALL', key)
for at = 1, #fields, 2 do
  local kind, part = string.match(fields[at], '^(%a+):(%d+)$')
  if kind then
    if tonumber(part) <= oldest then
      if op == 'record' then redis.call('HDEL', key, fields[at]) end
    elseif kind == 'calls' then
      calls = calls + tonumber(fields[at + 1])
    else
      bad = bad + tonumber(fields[at + 1])
    end
  end
end
if op == 'record' and before == 'closed' and bad_call and id == period
    and bad >= bad_calls and bad >= bad_share * calls then
  turn('open', fresh, now + open_ms)
  calls, bad = 0, 0
end

kept = redis.call('HMGET', key, 'state', 'period', 'until')
local state = kept[1] or 'closed'
local left = 0
if state ~= 'closed' then left = math.max(0, tonumber(kept[3]) - now) end
return {state, kept[2] or '', left, calls, bad, before, admitted}
"""


class RedisCircuits:
    """Raises ConfigurationError for a `url` that is no Redis address. Belongs to one event loop.

    `clock`: None: the time of Redis, so that the clocks of machines need not agree; tests hand in
    one that they turn.
    """

    def __init__(
        self, url: str, *, clock: Clock | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._turned = clock
        self._clock = clock or monotonic
        self._redis = SharedRedis(
            url, what="the circuit breakers", clock=self._clock, timeout_s=timeout_s
        )
        self._mirror = LocalCircuits(clock=self._clock)
        self._closed_at_s: dict[str, float] = {}
        """When Redis last said that it is."""
        self._untold: dict[str, int] = {}
        """Calls that went well."""
        self._decided_alone: set[str] = set()
        """Breakers that were opened here while Redis was away: it is told when it is back."""

    @property
    def kept_in(self) -> Literal["redis", "memory (redis is away)"]:
        return "memory (redis is away)" if self._redis.is_away else "redis"

    async def admit(self, name: str, policy: BreakerPolicy) -> BreakerVerdict:
        """See Circuits."""
        if (known := self._closed_lately(name, policy)) is not None:
            return BreakerVerdict(known, "closed", CallAdmission(known.period))
        fresh = secrets.token_hex(8)
        try:
            told = await self._ask("admit", name, policy, fresh=fresh)
        except asyncio.CancelledError:
            await self._ask("release", name, policy, period=fresh)  # it may have become the probe
            raise
        if told is None:
            return self._alone(name, await self._mirror.admit(name, policy))
        return told

    async def record(
        self, name: str, policy: BreakerPolicy, admission: CallAdmission, outcome: CallOutcome
    ) -> BreakerVerdict:
        """See Circuits."""
        known = self._closed_lately(name, policy)
        if outcome == "ok" and known is not None and admission.period == known.period:
            self._untold[name] = self._untold.get(name, 0) + 1
            return BreakerVerdict(known, "closed")
        told = await self._ask(
            "record", name, policy, period=admission.period, is_bad=outcome != "ok"
        )
        if told is None:
            return self._alone(name, await self._mirror.record(name, policy, admission, outcome))
        return told

    async def release(self, name: str, policy: BreakerPolicy, admission: CallAdmission) -> None:
        """See Circuits."""
        if admission.is_probe:  # of any other nothing is held
            await self._mirror.release(name, policy, admission)
            await self._ask("release", name, policy, period=admission.period)

    async def reset(self, name: str, policy: BreakerPolicy) -> BreakerVerdict:
        """See Circuits."""
        before = await self._mirror.reset(name, policy)
        self._decided_alone.discard(name)
        return await self._ask("reset", name, policy) or before

    async def snapshots(
        self, policy_of: Callable[[str], BreakerPolicy]
    ) -> Mapping[str, BreakerSnapshot]:
        """See Circuits."""
        here = dict(await self._mirror.snapshots(policy_of))
        elsewhere = await self._redis.members(_INDEX) or set()
        for name in {*here, *elsewhere}:
            told = await self._ask("read", name, policy_of(name))
            if told is not None:
                here[name] = told.after
        return here

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _ask(
        self,
        op: str,
        name: str,
        policy: BreakerPolicy,
        *,
        fresh: str = "",
        period: str = "",
        is_bad: bool = False,
    ) -> BreakerVerdict | None:
        """What Redis says, which the mirror then knows; None: it is away."""
        known = self._mirror.snapshot(name, policy) or BreakerSnapshot()
        arguments: list[str | int | float] = [
            op,
            name,
            -1 if self._turned is None else _ms(self._turned()),
            _ms(policy.window_s),
            policy.bad_calls,
            policy.bad_share,
            _ms(policy.open_s),
            _ms(policy.probe_s),
            BUCKETS,
            _ms(KEEP_S),
            fresh or secrets.token_hex(8),
            period,
            int(is_bad),
            known.state,
            known.period,
            _ms(known.left_s),
            int(name in self._decided_alone),
            self._untold.pop(name, 0),
        ]
        reply = await self._redis.run(_SCRIPT, [PREFIX + name, _INDEX], arguments)
        if reply is None:
            return None
        self._decided_alone.discard(name)
        return self._taken(name, reply)

    def _taken(self, name: str, reply: list[str | int]) -> BreakerVerdict:
        state, period, left_ms, calls, bad, before, admitted = reply
        after = BreakerSnapshot(
            cast(BreakerState, state), str(period), int(left_ms) / 1000, int(calls), int(bad)
        )
        self._mirror.adopt(name, after)
        if after.state == "closed":
            self._closed_at_s[name] = self._clock()
        admission = CallAdmission(str(period), is_probe=admitted == 2) if admitted else None
        return BreakerVerdict(after, cast(BreakerState, before), admission)

    def _closed_lately(self, name: str, policy: BreakerPolicy) -> BreakerSnapshot | None:
        """As Redis said it; None: it has to be asked."""
        closed_at_s = self._closed_at_s.get(name, float("-inf"))
        if self._clock() - closed_at_s >= min(FRESH_S, policy.open_s / 4):
            return None
        known = self._mirror.snapshot(name, policy)
        return known if known is not None and known.state == "closed" else None

    def _alone(self, name: str, verdict: BreakerVerdict) -> BreakerVerdict:
        if verdict.after.state == "open":
            self._decided_alone.add(name)
        elif verdict.after.state == "closed":
            self._decided_alone.discard(name)
        return verdict


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
