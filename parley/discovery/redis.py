"""Workers that hold a lease in Redis.

A Redis that is away, or that comes back empty, takes no worker with it: what was known stays
known until the worker itself no longer answers or its lease has been gone for a while.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import redis.asyncio
import redis.exceptions
from pydantic import ValidationError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from parley.background import background
from parley.clock import Clock, monotonic
from parley.discovery.base import WorkerAddress
from parley.discovery.last_known import LastKnown
from parley.discovery.lease import RENEW_EVERY_S, WAKE_CHANNEL, Kind, Lease, index_key, lease_key
from parley.errors import ConfigurationError

GRACE_S = 6.0
"""A worker stays known this long after its lease was last seen, unless it was draining."""
TIMEOUT_S = 1.0
MAX_CONNECTIONS = 32
"""Of one client, however much is asked at once: a process may open only so many."""

_log = logging.getLogger(__name__)


def connect(url: str, *, timeout_s: float = TIMEOUT_S) -> "redis.asyncio.Redis":
    """A client that fails soon, so that its user can go on without Redis.

    Raises ConfigurationError for what is no address; the message leaves the address out, which
    may hold a password.
    """
    try:
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            decode_responses=True,
            max_connections=MAX_CONNECTIONS,
            timeout=timeout_s,  # for one of them to be free
            socket_connect_timeout=timeout_s,
            socket_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),  # its default waits seconds; we ask again by ourselves
        )
    except ValueError:
        raise ConfigurationError(
            "redis.url (REDIS_URL) is not redis://host:port, rediss://host:port or unix://path"
        ) from None
    return redis.asyncio.Redis.from_pool(pool)


class RedisDiscovery:
    """Reads the leases of one kind every two seconds, sooner when a worker says so.

    A process that begins while Redis is away goes by what is in `last_known`. Raises
    ConfigurationError for a `url` that is no Redis address.
    """

    def __init__(
        self,
        url: str,
        kind: Kind,
        *,
        last_known: LastKnown | None = None,
        clock: Clock = monotonic,
    ) -> None:
        self._client = connect(url)
        self._kind: Kind = kind
        self._last_known = last_known
        self._clock = clock
        self._leases: dict[str, Lease] = {}
        self._seen_at: dict[str, float] = {}
        self._reachable = True

    def workers(self) -> tuple[WorkerAddress, ...]:
        # A worker that is back at its address counts before one that drained there and was killed.
        leases = sorted(self._leases.values(), key=lambda lease: not lease.draining)
        by_target = {lease.target: lease for lease in leases}
        return tuple(
            WorkerAddress(target, draining=lease.draining)
            for target, lease in sorted(by_target.items())
        )

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        async with self._client as client:
            if not await self._read(client) and self._last_known is not None:
                self.learn(self._last_known.read())
            async with background(self._watch(client), name="redis-discovery"):
                yield

    def learn(self, leases: dict[str, Lease]) -> None:
        """Takes what a reading found; public because it is the rule the tests turn the clock on."""
        now = self._clock()
        for worker_id, lease in leases.items():
            self._leases[worker_id] = lease
            self._seen_at[worker_id] = now
        for worker_id in set(self._leases).difference(leases):
            gone_for_s = now - self._seen_at[worker_id]
            if self._leases[worker_id].draining or gone_for_s > GRACE_S:
                del self._leases[worker_id], self._seen_at[worker_id]

    async def _watch(self, client: "redis.asyncio.Redis") -> None:
        while True:
            async with client.pubsub(ignore_subscribe_messages=True) as wake_ups:
                with suppress(redis.exceptions.RedisError, OSError):
                    await wake_ups.subscribe(WAKE_CHANNEL)
                    while await self._read(client):
                        await wake_ups.get_message(timeout=RENEW_EVERY_S)
            await asyncio.sleep(TIMEOUT_S)

    async def _read(self, client: "redis.asyncio.Redis") -> bool:
        """Whether Redis could be read."""
        try:
            ids = sorted(map(str, await client.smembers(index_key(self._kind))))
            values = await client.mget([lease_key(worker_id) for worker_id in ids]) if ids else []
        except (redis.exceptions.RedisError, OSError) as error:
            if self._reachable:
                _log.warning("Redis cannot be read, going on with the known workers: %s", error)
            self._reachable = False
            return False
        if not self._reachable:
            _log.info("Redis is back")
        self._reachable = True
        found = {worker_id: _parsed(v) for worker_id, v in zip(ids, values, strict=True) if v}
        self.learn({worker_id: lease for worker_id, lease in found.items() if lease})
        if self._last_known is not None:
            self._last_known.write(self._leases)
        return True


def _parsed(value: bytes | str) -> Lease | None:
    try:
        return Lease.model_validate_json(value)
    except ValidationError:
        _log.warning("a lease in Redis is not readable and is passed over")
        return None
