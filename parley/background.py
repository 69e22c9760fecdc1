"""What runs beside a block and ends with it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

CANCEL_AGAIN_AFTER_S = 0.2


@asynccontextmanager
async def background(work: Coroutine[object, object, None], *, name: str) -> AsyncIterator[None]:
    """Runs `work` as a task while the block runs; its error, if it had one, is raised at the end.

    It is cancelled until it ends: Python 3.11's `asyncio.wait_for`, which Redis's client uses,
    loses a cancellation that comes as what it waits for is done (python/cpython#86296).
    """
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_AGAIN_AFTER_S)
        if not task.cancelled():
            task.result()
