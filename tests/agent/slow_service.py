"""A service behind a tool: it takes its time, and notices who hangs up."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class SlowService:
    takes_s: float = 3.0
    may_answer: asyncio.Event | None = None
    """It answers only once this is set."""
    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    hung_up_at: list[float] = field(default_factory=list)
    """Wall clock of each client that left before its answer."""

    async def order(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        self.asked.append(number)
        try:
            await asyncio.sleep(self.takes_s)
            if self.may_answer is not None:
                await self.may_answer.wait()
        except asyncio.CancelledError:
            self.hung_up_at.append(time.time())
            raise
        self.answered.append(number)
        return web.Response(text="shipped this morning")


@asynccontextmanager
async def service_running(service: SlowService, port: int) -> AsyncGenerator[None]:
    app = web.Application()
    app.add_routes([web.get("/orders/{number}", service.order)])
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()
