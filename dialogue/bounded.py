"""The time within which a store has to answer, as every store keeps it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parley.errors import ParleyError

TIMEOUT_S = 2.0
"""Of one call: a person is waiting for the answer that it holds up."""


@asynccontextmanager
async def bounded(name: str, timeout_s: float, failure: type[ParleyError]) -> AsyncIterator[None]:
    """Raises `failure`, which names the store, where it takes longer than `timeout_s`."""
    bound = asyncio.timeout(timeout_s)
    try:
        async with bound:
            yield
    except OSError as error:  # of which TimeoutError is one
        if bound.expired():
            raise failure(f"{name} did not answer within {timeout_s:g} s") from None
        raise failure(f"{name} cannot be reached: {error}") from None
