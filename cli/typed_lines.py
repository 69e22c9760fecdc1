"""The lines that come in on standard input, awaited one by one: from a terminal, pipe or file."""

import asyncio
import os
from types import TracebackType
from typing import Self

_BLOCK_BYTES = 65536


class TypedLines:
    """Reads file descriptor `fd` within `async with`; a thread that waits for it would outlive
    the program's end."""

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._rest = b""
        self._ended = False
        self._watched = False

    async def __aenter__(self) -> Self:
        try:
            asyncio.get_running_loop().add_reader(self._fd, self._read)
            self._watched = True
        except PermissionError:  # an ordinary file is always ready, and cannot be waited for
            while not self._ended:
                self._read()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._unwatch()

    async def next(self) -> str | None:
        """The next line without its end; None once there are no more."""
        if self._ended and self._queue.empty():
            return None
        return await self._queue.get()

    def end(self) -> None:
        """No more lines are taken; who waits for one gets None."""
        self._ended = True
        self._unwatch()
        self._queue.put_nowait(None)

    def _read(self) -> None:
        try:
            block = os.read(self._fd, _BLOCK_BYTES)
        except OSError:  # a terminal that has gone
            block = b""
        *lines, self._rest = (self._rest + block).split(b"\n")
        if not block and self._rest:
            lines.append(self._rest)
        for line in lines:
            self._queue.put_nowait(line.decode(errors="replace").rstrip("\r"))
        if not block:
            self.end()

    def _unwatch(self) -> None:
        if self._watched:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._watched = False
