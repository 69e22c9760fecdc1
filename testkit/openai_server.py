"""The OpenAI API as far as an agent uses it, for language models whose answers are known."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from aiohttp import web

Tell = Callable[[web.StreamResponse], Awaitable[None]]


@asynccontextmanager
async def serving(
    complete: Callable[[web.Request], Awaitable[web.StreamResponse]], *, model: str
) -> AsyncIterator[str]:
    """Serves chat completions by `complete` on a free port; yields the base URL."""

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": model, "object": "model"}]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        (address,) = runner.addresses
        yield f"http://127.0.0.1:{address[1]}/v1"
    finally:
        await runner.cleanup()


def no_choices() -> web.Response:
    """The answer to who does not stream: it only warms a cache."""
    return web.json_response({"object": "chat.completion", "choices": []})


async def streamed(request: web.Request, tell: Tell) -> web.StreamResponse:
    """The answer that `tell` writes, as events; whoever asked may leave in the middle."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    with suppress(ConnectionResetError):
        await tell(response)
        await response.write(b"data: [DONE]\n\n")
    return response


def event(content: str, *, model: str) -> bytes:
    """One piece of the answer's text."""
    chunk = {
        "id": "told",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": content}}],
    }
    return f"data: {json.dumps(chunk)}\n\n".encode()
