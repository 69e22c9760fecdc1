"""A language model that speaks the OpenAI API on a real socket, and says what it is told to."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class FakeLlm:
    """Its faults are switches that a test turns while it runs."""

    answer: str = "Of course, with pleasure."
    status: int = 200
    silent_s: float = 0.0
    breaks_off_after: int | None = None
    """So many words come, then the connection is lost."""
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Of the last request."""
        return list(self.requests[-1]["messages"])

    async def complete(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(await request.json())
        if self.status != 200:
            return web.json_response({"error": {"message": "no"}}, status=self.status)
        await asyncio.sleep(self.silent_s)
        if not self.requests[-1].get("stream"):
            return web.json_response({"object": "chat.completion", "choices": []})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for place, word in enumerate(self.answer.split()):
            if place == self.breaks_off_after:
                assert request.transport is not None
                request.transport.abort()
                return response
            await response.write(_event(f" {word}" if place else word))
        await response.write(b"data: [DONE]\n\n")
        return response


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": []})


def _event(content: str) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": content}}
    chunk = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "wire",
        "choices": [choice],
    }
    return f"data: {json.dumps(chunk)}\n\n".encode()


@asynccontextmanager
async def llm_serving(llm: FakeLlm, *, port: int = 0) -> AsyncGenerator[str]:
    """Serves the model on `port`, 0 for a free one; yields its base URL."""
    app = web.Application()
    app.add_routes(
        [
            web.post("/v1/chat/completions", llm.complete),
            web.get("/v1/models", _models),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    (address,) = runner.addresses
    try:
        yield f"http://127.0.0.1:{address[1]}/v1"
    finally:
        await runner.cleanup()
