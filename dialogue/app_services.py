"""The services of apps: each opened once in a process, for as long as anybody needs it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from parley.app.agent import Agent
from parley.app.app_service import AppService


@dataclass
class _Open:
    """One that runs, in the event loop that opened it."""

    stack: AsyncExitStack
    users: int = 0


@dataclass
class _Services:
    running: dict[tuple[int, int], _Open] = field(default_factory=dict)
    locks: dict[int, asyncio.Lock] = field(default_factory=dict)

    def lock(self, loop: asyncio.AbstractEventLoop) -> asyncio.Lock:
        return self.locks.setdefault(id(loop), asyncio.Lock())


_services = _Services()


@asynccontextmanager
async def serving(app: Agent) -> AsyncGenerator[AppService | None]:
    """The app's service, running; None where it has none. What opens first opens it, what leaves
    last closes it."""
    service = app.service
    if service is None:
        yield None
        return
    loop = asyncio.get_running_loop()
    key, lock = (id(loop), id(service)), _services.lock(loop)
    async with lock:
        if (opened := _services.running.get(key)) is None:
            opened = _Open(AsyncExitStack())
            await opened.stack.enter_async_context(service.running())
            _services.running[key] = opened
        opened.users += 1
    try:
        yield service
    finally:
        async with lock:
            opened.users -= 1
            if not opened.users:
                del _services.running[key]
                await opened.stack.aclose()
