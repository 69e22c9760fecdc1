"""The model on a socket, in a thread of its own, for servers that are processes."""

import asyncio
import threading
from types import TracebackType
from typing import Self

from testkit.fake_llm import FakeLlm, llm_serving


class ThreadedLlm:
    """`llm` may be told other scripts at any time; `url` is its base URL while it serves."""

    def __init__(self, llm: FakeLlm | None = None) -> None:
        self.llm = llm or FakeLlm()
        self.url = ""
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with llm_serving(self.llm) as self.url:
            self._ready.set()
            await self._stop.wait()
