"""What runs beside a block and ends with it."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
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


async def ends_within(work: Callable[[], object], timeout_s: float, *, name: str) -> bool:
    """Runs `work`, which may block for good, in a thread; False where it has not ended in time:
    then it is left behind, and keeps neither the event loop nor the process. What it raises is
    told by `threading.excepthook`."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is closed by now
                loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        async with asyncio.timeout(timeout_s):
            await ended.wait()
    except TimeoutError:
        return False
    return True
