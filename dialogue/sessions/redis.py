"""Sessions in Redis: one list each, whose head is the record and whose tail is the log.

A session is one key, so that it expires, is evicted and is deleted whole, and so that RPUSHX
appends only where it is kept. A sorted set tells when each began.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dialogue.sessions.bound import TIMEOUT_S, bounded
from dialogue.sessions.payload import dump, parsed_entries, parsed_record
from dialogue.sessions.store import (
    SessionExistsError,
    SessionNotFoundError,
    SessionRecord,
    SessionStoreError,
    StoredSession,
)
from parley.app.session import AnyEntry
from parley.errors import ConfigurationError

_PREFIX = "parley:session:"
_INDEX = "parley:sessions"

_CREATE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
if ARGV[4] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1
"""
_PURGE = """
local purged = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1])) do
  purged = purged + redis.call('DEL', ARGV[2] .. id)
  redis.call('ZREM', KEYS[1], id)
end
return purged
"""


class RedisStore:
    """A session expires `keep_s` after it was created; None: never.

    Raises ConfigurationError for a `url` that is no Redis address.
    """

    def __init__(
        self, url: str, *, keep_s: float | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._client = _connect(url)
        self._keep_s = keep_s
        self._timeout_s = timeout_s
        self._name = f"the session store (Redis at {_place(self._client)})"
        self._create = self._client.register_script(_CREATE)
        self._purge = self._client.register_script(_PURGE)

    async def create(self, record: SessionRecord) -> None:
        keep_ms = "" if self._keep_s is None else max(1, round(self._keep_s * 1000))
        async with self._answering():
            created = await self._create(
                keys=[_key(record.id), _INDEX],
                args=[dump(record), repr(record.began_at_s), record.id, keep_ms],
            )
        if not created:
            raise SessionExistsError(f"session {record.id} is kept already")

    async def load(self, session_id: str) -> StoredSession | None:
        async with self._answering():
            payloads = [str(p) for p in await self._client.lrange(_key(session_id), 0, -1)]
        if not payloads:
            return None
        return StoredSession(parsed_record(payloads[0]), parsed_entries(session_id, payloads[1:]))

    async def append(self, session_id: str, entries: Sequence[AnyEntry]) -> None:
        key = _key(session_id)
        async with self._answering():
            if entries:
                kept = await self._client.rpushx(key, *map(dump, entries))
            else:
                kept = await self._client.exists(key)
        if not kept:
            raise SessionNotFoundError(f"session {session_id} is not kept")

    async def delete(self, session_id: str) -> None:
        async with self._answering(), self._client.pipeline(transaction=True) as both:
            both.delete(_key(session_id))
            both.zrem(_INDEX, session_id)
            await both.execute()

    async def purge(self, *, began_before_s: float) -> int:
        async with self._answering():
            return int(await self._purge(keys=[_INDEX], args=[repr(began_before_s), _PREFIX]))

    async def aclose(self) -> None:
        async with self._answering():
            await self._client.aclose()

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        try:
            async with bounded(self._name, self._timeout_s):
                yield
        except redis.exceptions.ResponseError as error:
            raise SessionStoreError(f"{self._name} refuses: {error}") from None
        except redis.exceptions.RedisError as error:
            raise SessionStoreError(f"{self._name} cannot be reached: {error}") from None


def _connect(url: str) -> "redis.asyncio.Redis":
    """A client that never asks twice: an append whose reply was lost may have happened."""
    try:
        return redis.asyncio.Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 0))
    except ValueError:
        raise ConfigurationError(
            "sessions.url (SESSIONS_URL) is not redis://host:port, rediss://host:port or "
            "unix://path"
        ) from None


def _place(client: "redis.asyncio.Redis") -> str:
    """Where it is, without user and password."""
    address = client.connection_pool.connection_kwargs
    if "path" in address:
        return str(address["path"])
    return f"{address.get('host', 'localhost')}:{address.get('port', 6379)}"


def _key(session_id: str) -> str:
    return _PREFIX + session_id
