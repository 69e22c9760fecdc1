"""A worker's lease in Redis: renewed while it serves, marked while it drains, then deleted."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

import redis.asyncio
import redis.exceptions

from parley.background import background
from parley.discovery.lease import (
    LEASE_MS,
    RENEW_EVERY_S,
    WAKE_CHANNEL,
    Kind,
    Lease,
    index_key,
    lease_key,
)
from parley.discovery.redis import TIMEOUT_S, connect
from parley.discovery.static import parse_targets
from parley.errors import ConfigurationError
from parley.settings import WorkerSettings

RETRY_EVERY_S = 0.5
_EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound

_log = logging.getLogger(__name__)


class Registration:
    """Use `announced` while the worker serves, and inside of it `drain` when it begins to end.

    Redis may come and go: the worker serves without it and is registered again within a second
    of its return. Raises ConfigurationError for a `url` that is no Redis address.
    """

    def __init__(self, url: str, lease: Lease) -> None:
        self._client = connect(url)
        self._lease = lease
        self._acknowledged = asyncio.Event()
        self._changed = asyncio.Event()
        self._reachable = True

    @asynccontextmanager
    async def announced(self) -> AsyncIterator[None]:
        async with self._client as client:
            try:
                async with background(self._renew(client), name="registration"):
                    yield
            finally:
                await self._delete(client)

    async def drain(self) -> None:
        """Says that nothing new is admitted; returns once Redis has it, or is not there to."""
        self._lease = self._lease.model_copy(update={"draining": True})
        self._acknowledged = asyncio.Event()
        self._changed.set()
        if self._reachable:
            with suppress(TimeoutError):
                async with asyncio.timeout(TIMEOUT_S):
                    await self._acknowledged.wait()

    async def _renew(self, client: "redis.asyncio.Redis") -> None:
        announce = True
        while True:
            lease, acknowledged = self._lease, self._acknowledged
            written = await self._write(client, lease, announce=announce)
            announce = not written
            if written:
                acknowledged.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_EVERY_S if written else RETRY_EVERY_S):
                    await self._changed.wait()
                    self._changed.clear()
                    announce = True

    async def _write(self, client: "redis.asyncio.Redis", lease: Lease, *, announce: bool) -> bool:
        index = index_key(lease.kind)
        try:
            async with client.pipeline(transaction=True) as pipeline:
                pipeline.set(lease.key, lease.model_dump_json(), px=LEASE_MS)
                pipeline.sadd(index, lease.worker_id)
                if announce:
                    pipeline.publish(WAKE_CHANNEL, lease.worker_id)
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
        """Removes workers whose lease has expired from the index."""
        members = cast(set[str], await client.smembers(index))
        expired = [
            worker_id for worker_id in members if not await client.exists(lease_key(worker_id))
        ]
        if expired:
            await client.srem(index, *expired)

    async def _delete(self, client: "redis.asyncio.Redis") -> None:
        with suppress(redis.exceptions.RedisError, OSError):
            async with client.pipeline(transaction=True) as pipeline:
                pipeline.delete(self._lease.key)
                pipeline.srem(index_key(self._lease.kind), self._lease.worker_id)
                pipeline.publish(WAKE_CHANNEL, self._lease.worker_id)
                await pipeline.execute()


def registration(settings: WorkerSettings, kind: Kind, worker_id: str) -> Registration | None:
    """What keeps the worker's lease; None where no Redis is configured.

    Raises ConfigurationError where nobody could reach the worker at the address it would tell.
    """
    if not settings.redis.url:
        return None
    part, section = ("tts", settings.tts) if kind == "synthesis" else ("asr", settings.asr)
    if not section.advertise and section.host in _EVERY_ADDRESS:
        raise ConfigurationError(
            f"{part}.host is {section.host!r}, where nobody can call: set {part}.advertise to the "
            f"host:port under which others reach this worker"
        )
    host = f"[{section.host}]" if ":" in section.host else section.host
    target = section.advertise or f"{host}:{section.port}"
    if parse_targets(target) != (target,):
        raise ConfigurationError(f"{part}.advertise is {target!r}: give one host:port")
    return Registration(settings.redis.url, Lease(worker_id=worker_id, kind=kind, target=target))
