"""The suite's language model: it speaks the OpenAI API and tells a known script word by word."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

MODEL = "storyteller"


class Storyteller:
    """Every request is answered with `script` at a steady pace, its first words at once.

    At a pace little above that of speech, a worker has an utterance to work on for as long as the
    reply is told, as with a language model that writes slowly.
    """

    def __init__(self, *, words_per_s: float, at_once: int) -> None:
        self.script = ""
        self._words_per_s = words_per_s
        self._at_once = at_once
        self._told = 0
        self._changed = asyncio.Condition()

    async def told(self, words: int) -> None:
        """Waits until so many words of the answer being given have left."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._told >= words)

    def begin(self, script: str) -> None:
        """What the next answers say; none of it has been told."""
        self.script = script
        self._told = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serves on a free port; yields the base URL."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/v1/chat/completions", self._complete),
                web.get("/v1/models", _models),
            ]
        )
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            (address,) = runner.addresses
            yield f"http://127.0.0.1:{address[1]}/v1"
        finally:
            await runner.cleanup()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if not asked.get("stream"):
            return web.json_response({"object": "chat.completion", "choices": []})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with suppress(ConnectionResetError):  # who asked has left in the middle
            await self._tell(response)
        return response

    async def _tell(self, response: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for place, word in enumerate(self.script.split()):
            due = began + max(0, place - self._at_once) / self._words_per_s
            await asyncio.sleep(due - loop.time())
            await response.write(_chunk(f" {word}" if place else word))
            async with self._changed:
                self._told = place + 1
                self._changed.notify_all()
        await response.write(b"data: [DONE]\n\n")


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


def _chunk(content: str) -> bytes:
    chunk = {
        "id": "story",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": content}}],
    }
    return f"data: {json.dumps(chunk)}\n\n".encode()
