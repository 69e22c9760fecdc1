"""Redis as what processes share while it is there, and do without while it is not."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import redis.exceptions

from parley.clock import Clock, monotonic
from parley.discovery.redis import connect

TIMEOUT_S = 0.25
"""A person is waiting for what this holds up."""
GRANTED_WITHIN_S = 0.5
"""Of what there is only so much of, and what is counted apart is given away twice."""
AWAY_S = 1.0
"""After a failure Redis is not asked for so long."""

_log = logging.getLogger(__name__)


class SharedRedis:
    """Scripts and sets; every answer may be None: Redis is away, and the caller goes by what it
    knows itself. `what` it is for is in the one log line when it goes, and when it is back.

    Raises ConfigurationError for a `url` that is no Redis address. Belongs to one event loop.
    """

    def __init__(
        self, url: str, *, what: str, clock: Clock = monotonic, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._client = connect(url, timeout_s=timeout_s)
        self._what = what
        self._clock = clock
        self._timeout_s = timeout_s
        self._scripts: dict[str, Any] = {}
        self._away_until_s = float("-inf")
        self.is_away = False

    async def run(
        self, script: str, keys: Sequence[str], arguments: Sequence[str | int | float]
    ) -> Any:
        """What the Lua `script` returns, which is never nil; None: Redis is away."""
        if script not in self._scripts:
            self._scripts[script] = self._client.register_script(script)
        if self._clock() < self._away_until_s:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await self._scripts[script](keys=list(keys), args=list(arguments))
        except (redis.exceptions.RedisError, OSError) as error:
            self._lost(error)
            return None
        self._found()
        return reply

    async def members(self, key: str) -> set[str] | None:
        """Of the set at `key`."""
        if self._clock() < self._away_until_s:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                members = await self._client.smembers(key)
        except (redis.exceptions.RedisError, OSError) as error:
            self._lost(error)
            return None
        self._found()
        return {str(member) for member in members}

    async def aclose(self) -> None:
        await self._client.aclose()

    def _lost(self, error: Exception) -> None:
        self._away_until_s = self._clock() + AWAY_S
        if not self.is_away:
            self.is_away = True
            _log.warning(
                "Redis cannot be asked; %s are this process's own meanwhile: %s",
                self._what,
                error or "no answer in time",
            )

    def _found(self) -> None:
        if self.is_away:
            self.is_away = False
            _log.info("Redis is back; %s are shared again", self._what)
