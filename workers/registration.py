"""A worker's lease in Redis: renewed while it serves, marked while it drains, then deleted."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

import redis.asyncio
import redis.exceptions

from parley.discovery.lease import (
    LEASE_MS,
    RENEW_EVERY_S,
    WAKE_CHANNEL,
    Lease,
    index_key,
    lease_key,
)
from parley.discovery.redis import connect

RETRY_EVERY_S = 0.5

_log = logging.getLogger(__name__)


class Registration:
    """Use `announced` while the worker serves, and `drain` when it begins to end.

    Redis may come and go: the worker serves without it and is registered again within a second
    of its return.
    """

    def __init__(self, url: str, lease: Lease) -> None:
        self._url = url
        self._lease = lease
        self._changed = asyncio.Event()
        self._reachable = True

    @asynccontextmanager
    async def announced(self) -> AsyncIterator[None]:
        async with connect(self._url) as client:
            task = asyncio.create_task(self._renew(client), name="registration")
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                await self._delete(client)

    def drain(self) -> None:
        """Says that nothing new is admitted; clients learn it at once where Redis is there."""
        self._lease = self._lease.model_copy(update={"draining": True})
        self._changed.set()

    async def _renew(self, client: "redis.asyncio.Redis") -> None:
        announce = True
        while True:
            written = await self._write(client, announce=announce)
            announce = not written
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_EVERY_S if written else RETRY_EVERY_S):
                    await self._changed.wait()
                    self._changed.clear()
                    announce = True

    async def _write(self, client: "redis.asyncio.Redis", *, announce: bool) -> bool:
        index = index_key(self._lease.kind)
        try:
            async with client.pipeline(transaction=True) as pipeline:
                pipeline.set(self._lease.key, self._lease.model_dump_json(), px=LEASE_MS)
                pipeline.sadd(index, self._lease.worker_id)
                if announce:
                    pipeline.publish(WAKE_CHANNEL, self._lease.worker_id)
                await pipeline.execute()
            if announce:
                await self._prune(client, index)
        except (redis.exceptions.RedisError, OSError) as error:
            if self._reachable:
                _log.warning("Redis cannot be written, serving without it: %s", error)
            self._reachable = False
            return False
        if not self._reachable:
            _log.info("registered again")
        self._reachable = True
        return True

    async def _prune(self, client: "redis.asyncio.Redis", index: str) -> None:
        """Takes workers that died without a word out of the index."""
        members = cast(set[str], await client.smembers(index))
        dead = [worker_id for worker_id in members if not await client.exists(lease_key(worker_id))]
        if dead:
            await client.srem(index, *dead)

    async def _delete(self, client: "redis.asyncio.Redis") -> None:
        with suppress(redis.exceptions.RedisError, OSError):
            async with client.pipeline(transaction=True) as pipeline:
                pipeline.delete(self._lease.key)
                pipeline.srem(index_key(self._lease.kind), self._lease.worker_id)
                pipeline.publish(WAKE_CHANNEL, self._lease.worker_id)
                await pipeline.execute()
