"""The one address of several servers, as a load balancer has it: the first that can be reached."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress

from testkit.isolated_config import HOST

_BYTES = 65_536


class FrontDoor:
    """Passes TCP connections on. `targets`, each host:port, are tried in their order: put first the
    one that new connections are to go to."""

    def __init__(self, targets: Sequence[str]) -> None:
        self.targets = list(targets)
        self.address = ""
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["FrontDoor"]:
        server = await asyncio.start_server(self._connected, HOST, 0)
        self.address = f"{HOST}:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            for target in list(self.targets):
                host, _, port = target.rpartition(":")
                try:
                    there_reader, there = await asyncio.open_connection(host, int(port))
                except OSError:
                    continue
                with closing(there):
                    await _both(_copy(reader, there), _copy(there_reader, writer))
                return


async def _both(*ways: "asyncio._CoroutineLike[None]") -> None:
    """Until one has ended."""
    tasks = {asyncio.create_task(way) for way in ways}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_BYTES):
            to.write(piece)
            await to.drain()
