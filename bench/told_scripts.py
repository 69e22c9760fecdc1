"""A language model with known answers: an OpenAI-compatible server that streams written scripts."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientConnectionResetError, web

MODEL = "told-scripts"
WORDS_PER_S = 40.0
"""As a model on a graphics card writes."""

LONG = (
    "Bicycles are the quickest way through an old town, because its streets were laid out for "
    "carts and donkeys.",
    "Deserts grow cold at night, for dry air and bare stone give their warmth back to the sky.",
    "Pilots learn to trust their instruments in a cloud, since the inner ear will happily report "
    "level flight.",
    "Gardens behind high walls ripen peaches far to the north, as the bricks keep the heat of the "
    "afternoon.",
    "Kitchens teach patience better than books, because good bread rises only when it wants to.",
)
SHORT = (
    "Tides follow the moon quite faithfully.",
    "Copper roofs turn green within decades.",
    "Bakers begin long before sunrise.",
)
SCRIPTS = LONG + SHORT

_MARKER = re.compile(r"\bcall number (\d+)\b")


def opening(call: int) -> str:
    """What a caller types first, so that the model knows whose answers it gives."""
    return f"This is call number {call}."


@dataclass
class ToldScripts:
    """Answers each call with the script set in `next`; knows nothing else of a conversation."""

    next: dict[int, str] = field(default_factory=dict)
    asked: list[tuple[int, list[dict[str, Any]]]] = field(default_factory=list)
    """Of every request: the call, and the messages that the model was shown."""

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("stream"):
            return web.json_response({"object": "chat.completion", "choices": []})
        call = _call_of(body["messages"])
        self.asked.append((call, body["messages"]))
        script = self.next.get(call, SCRIPTS[0])
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with suppress(ClientConnectionResetError):  # the agent wants no more of it
            for place, word in enumerate(script.split()):
                await response.write(_event(f" {word}" if place else word))
                await asyncio.sleep(1 / WORDS_PER_S)
            await response.write(b"data: [DONE]\n\n")
        return response

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serves on a free port; yields the base URL."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_get("/v1/models", _models)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            (address,) = runner.addresses
            yield f"http://127.0.0.1:{address[1]}/v1"
        finally:
            await runner.cleanup()


def _call_of(messages: list[dict[str, Any]]) -> int:
    for message in messages:
        if message["role"] == "user" and (found := _MARKER.search(str(message["content"]))):
            return int(found[1])
    return 0


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


def _event(content: str) -> bytes:
    chunk = {
        "id": "told",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": content}}],
    }
    return f"data: {json.dumps(chunk)}\n\n".encode()
