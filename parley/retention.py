"""Forgets what is older than `sessions.keep_days`: as a process starts, and once a day."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

from parley.background import background
from parley.clock import Clock

DAY_S = 86_400.0

_log = logging.getLogger(__name__)

Purge = Callable[[float], Awaitable[int]]
"""Forgets what was over before then (seconds since 1970); how much that was."""


async def forget_old(
    purges: Mapping[str, Purge],
    keep_days: int,
    *,
    failure: type[Exception],
    clock: Clock = time.time,
) -> int:
    """Purges each kept thing, by its name in the plural, of what is older than that; how much that
    was. 0 days: nothing. Who fails with `failure` or an OSError costs a line in the log.
    `clock`: seconds since 1970."""
    if not keep_days:
        return 0
    total, before_s = 0, clock() - keep_days * DAY_S
    for what, purge in purges.items():
        try:
            forgotten = await purge(before_s)
        except (failure, OSError) as error:
            _log.warning("old %s cannot be forgotten now: %s", what, error)
            continue
        if forgotten:
            _log.info("forgot %d %s of over %d days ago", forgotten, what, keep_days)
        total += forgotten
    return total


def forgetting(
    purges: Mapping[str, Purge], keep_days: int, *, failure: type[Exception]
) -> AbstractAsyncContextManager[None]:
    """Does so now and every day, beside the block, which waits for nothing."""

    async def daily() -> None:
        while True:
            await forget_old(purges, keep_days, failure=failure)
            await asyncio.sleep(DAY_S)

    return background(daily(), name="forget what is old")
