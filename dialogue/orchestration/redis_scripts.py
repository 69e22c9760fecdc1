"""The scripts of the desk in Redis: each is one step that no other process can come between."""

_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

CLAIM = (
    _NOW
    + """
-- session, live, fence, used; id, owner, lease, limit, takes over, ttl
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local is_held = redis.call('ZSCORE', KEYS[2], ARGV[1])
if is_held and ARGV[5] == '0' then return {-1, ''} end
if not is_held and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return {-2, ''} end
local before = is_held and redis.call('HGET', KEYS[1], 'owner') or ''
local fence = redis.call('INCR', KEYS[3])
redis.call('HSET', KEYS[1], 'fence', fence, 'owner', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[4], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - ARGV[6])
redis.call('DEL', 'orchestrator:handed:' .. ARGV[1])
return {fence, before or ''}
"""
)
_HOLD = """
-- session, live, used; id, fence, lease, ttl
local newest = redis.call('HGET', KEYS[1], 'fence')
if newest and tonumber(newest) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'fence', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[3], now, ARGV[1])
"""
RENEW = _NOW + _HOLD + "return 1\n"
SAVE = _NOW + _HOLD + "redis.call('HSET', KEYS[1], 'snapshot', ARGV[5])\nreturn 1\n"
RELEASE = """
-- session, live, handed over; id, fence
local newest = redis.call('HGET', KEYS[1], 'fence')
if newest and tonumber(newest) > tonumber(ARGV[2]) then
  redis.call('RPUSH', KEYS[3], ARGV[2])
  redis.call('PEXPIRE', KEYS[3], 2000)
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
"""
