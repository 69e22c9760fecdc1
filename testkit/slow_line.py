"""A TCP line between two parts that can be made slow: what the server says arrives later."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from testkit.isolated_config import HOST

_BYTES = 65_536


class SlowLine:
    """To `target` (host:port); `address` is where it is reached. `delay_s` may be turned."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.address = ""
        self.delay_s = 0.0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> None:
        self._server = await asyncio.start_server(self._connected, HOST, port)
        self.address = f"{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self._target.rpartition(":")
        with contextlib.suppress(OSError), contextlib.closing(writer):
            there_reader, there = await asyncio.open_connection(host, int(port))
            with contextlib.closing(there):
                ways = {
                    asyncio.create_task(_copy(_pieces(reader), there)),
                    asyncio.create_task(_copy(self._later(there_reader), writer)),
                }
                try:
                    await asyncio.wait(ways)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)

    async def _later(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        """Each piece `delay_s` after it came, none before the one before it."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def take() -> None:
            async for piece in _pieces(reader):
                waiting.put_nowait((loop.time() + self.delay_s, piece))
            waiting.put_nowait((0.0, b""))

        taking = asyncio.create_task(take())
        try:
            while True:
                due_s, piece = await waiting.get()
                if not piece:
                    return
                await asyncio.sleep(due_s - loop.time())
                yield piece
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)


async def _pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await reader.read(_BYTES):
        yield piece


async def _copy(pieces: AsyncIterator[bytes], to: asyncio.StreamWriter) -> None:
    async for piece in pieces:
        to.write(piece)
        await to.drain()
    to.write_eof()


@contextmanager
def slow_line(target: str, *, port: int = 0) -> Iterator[SlowLine]:
    """In a thread of its own, so that it stays between the event loops of several tests."""
    line = SlowLine(target)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(line.start(port), loop).result(timeout=10)
        yield line
    finally:
        asyncio.run_coroutine_threadsafe(line.aclose(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
