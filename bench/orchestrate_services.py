"""An intent and a retrieval service that take their time, in a thread beside the sessions."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

DELAY_S = 0.08
"""Of each answer."""


@asynccontextmanager
async def services_serving() -> AsyncGenerator[str]:
    """Yields the base URL of both."""

    async def classify(request: web.Request) -> web.Response:
        await asyncio.sleep(DELAY_S)
        return web.json_response({"intent": "question", "confidence": 0.9, "alternatives": []})

    async def query(request: web.Request) -> web.Response:
        await asyncio.sleep(DELAY_S)
        passage = {"text": "Yes is the answer.", "source": "answers.md", "score": 0.9}
        return web.json_response({"passages": [passage]})

    app = web.Application()
    app.add_routes([web.post("/api/v1/classify", classify), web.post("/api/v1/query", query)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
